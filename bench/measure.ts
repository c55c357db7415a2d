/**
 * Measuring: blocks of calls, one block a side in every round, the order of sides drawn anew each time. What slows the
 * machine down for a while slows all sides of a round, so the ratio within a round is what is kept, and the median of those
 * is what is told.
 */
import { deepStrictEqual } from "node:assert/strict";
import { type Level, Sites } from "./sites.ts";
import type { Line, Side, Sides } from "./subject.ts";

export interface Effort {
  readonly rounds: number;
  /** How long a block of the raw side is to take, about. */
  readonly blockMs: number;
}

export interface Spread {
  /** The 10th percentile. */
  readonly low: number;
  readonly median: number;
  /** The 90th percentile. */
  readonly high: number;
}

export interface Figures extends Comparison {
  readonly line: string;
  readonly level: Level;
}

export interface Comparison {
  readonly calls: number;
  /** Median microseconds of one call. They say how big a thing is; they do not travel to another machine. */
  readonly microseconds: Record<string, number>;
  /** `ours` ÷ raw, and each peer ÷ ours: per round, over all rounds. */
  readonly ratios: Record<string, Spread>;
  /** Each peer ÷ raw: how far hand-written SQL gets that does our work on our schema. */
  readonly limits: Record<string, Spread>;
}

export async function measure(line: Line, level: Level, effort: Effort): Promise<Figures> {
  using sites = new Sites(level);
  const sides = await line.sides(sites);
  await requireSameValues(line.name, sides);
  return { line: line.name, level, ...(await compare(sides, effort)) };
}

/** Rounds of blocks, without asking whether the sides give the same. */
export async function compare(sides: Sides, { rounds, blockMs }: Effort): Promise<Comparison> {
  const calls = await callsPerBlock(sides, blockMs);
  const times: Record<string, number[]> = {};
  for (let round = 0; round < rounds; round++) {
    for (const [name, side] of shuffled(Object.entries(sides))) {
      times[name] ??= [];
      times[name].push((await side.timeMs(calls)) / calls);
    }
  }
  const ratios: Record<string, Spread> = {};
  const limits: Record<string, Spread> = {};
  const microseconds: Record<string, number> = {};
  for (const [name, own] of Object.entries(times)) {
    microseconds[name] = spread(own).median * 1000;
    const dividedBy = (other: string) => spread(own.map((time, round) => time / (times[other]?.[round] ?? Number.NaN)));
    if (name === "ours") ratios.ours = dividedBy("raw");
    else if (name !== "raw") {
      ratios[name] = dividedBy("ours");
      limits[name] = dividedBy("raw");
    }
  }
  return { calls, microseconds, ratios, limits };
}

/** Sides that do not give the same do not do the same work. */
export async function requireSameValues(line: string, { ours, ...others }: Sides): Promise<void> {
  const expected = comparable(await ours.value?.());
  for (const [name, side] of Object.entries(others)) {
    if (!side.value) continue;
    deepStrictEqual(comparable(await side.value()), expected, `${line}: ${name} gives something else than ours`);
  }
}

/** Without what differs in two correct answers: the ids that were made for them and the time. */
function comparable(value: unknown): unknown {
  if (value === undefined) return undefined;
  const text = JSON.stringify(value);
  return JSON.parse(text.replace(/"[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}"|"\d{4}-\d\d-\d\dT[\d:.]+Z"/g, '"…"'));
}

/** Runs every side until it is warm: as long as a block takes, and at least twice. */
async function callsPerBlock(sides: Sides, blockMs: number): Promise<number> {
  const perBlock: Record<string, number> = {};
  for (const [name, side] of Object.entries(sides)) perBlock[name] = await callsWithin(side, blockMs);
  return perBlock.raw ?? 1;
}

async function callsWithin(side: Side, blockMs: number): Promise<number> {
  for (let calls = 1; ; calls *= 2) {
    const ms = await side.timeMs(calls);
    if (ms < blockMs && calls < 2 ** 20) continue;
    return Math.max(1, Math.round((calls * blockMs) / (await side.timeMs(calls))));
  }
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, place: Math.random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}

export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN;
  return { low: at(0.1), median: at(0.5), high: at(0.9) };
}
