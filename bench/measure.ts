/**
 * Measures sides in rounds: each round times one block of calls per side, in random order. A temporary slowdown of the machine
 * affects all sides of a round, so ratios are computed within a round, and their median is reported.
 */
import { deepStrictEqual } from "node:assert/strict";
import { type Level, Sites } from "./sites.ts";
import type { Line, Side, Sides } from "./subject.ts";

export interface Effort {
  readonly rounds: number;
  /** Approximate duration of a block of the raw side. */
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
  /** Median microseconds per call, for orders of magnitude; not comparable between machines. */
  readonly microseconds: Record<string, number>;
  /** `ours` ÷ raw and each peer ÷ ours, computed per round. */
  readonly ratios: Record<string, Spread>;
  /** Each peer ÷ raw: the upper limit for hand-written SQL that does our work on our schema. */
  readonly limits: Record<string, Spread>;
}

export async function measure(line: Line, level: Level, effort: Effort): Promise<Figures> {
  using sites = new Sites(level);
  const sides = await line.sides(sites);
  await requireSameValues(line.name, sides);
  return { line: line.name, level, ...(await compare(sides, effort)) };
}

/** Runs the rounds, without checking that the sides return the same values. */
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

/** Throws if the sides return different values, since they would not do the same work. */
export async function requireSameValues(line: string, { ours, ...others }: Sides): Promise<void> {
  const expected = comparable(await ours.value?.());
  for (const [name, side] of Object.entries(others)) {
    if (!side.value) continue;
    deepStrictEqual(comparable(await side.value()), expected, `${line}: ${name} returns a different value than ours`);
  }
}

/** Replaces generated ids and times, which differ between two correct values. */
function comparable(value: unknown): unknown {
  if (value === undefined) return undefined;
  const text = JSON.stringify(value);
  return JSON.parse(text.replace(/"[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}"|"\d{4}-\d\d-\d\dT[\d:.]+Z"/g, '"…"'));
}

/** Warms up every side for at least the length of a block, and returns the raw side's calls per block. */
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
