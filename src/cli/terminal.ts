/**
 * Text output: tables, bars, ages, colours. Colours need a terminal that supports them and no NO_COLOR; lines are cut to the
 * terminal's width, never in a pipe.
 */
import { stripVTControlCharacters, styleText } from "node:util";
import Table from "cli-table3";
import type { BriefStatus, EventKind, RunStatus, WorkstreamStatus } from "../errors-and-types.ts";
import { print, printAll, printable } from "./output.ts";

type Style = Parameters<typeof styleText>[0];

const terminal = process.stdout.isTTY === true ? process.stdout : undefined;
// `hasColors` accounts for NO_COLOR and dumb terminals.
const hasColours = terminal?.hasColors() ?? false;

/** Returns the terminal's width in characters; `undefined` in a pipe, where nothing is cut. */
export function terminalWidth(): number | undefined {
  return terminal?.columns || undefined;
}

export function paint(style: Style, text: string): string {
  return hasColours && text !== "" ? styleText(style, text) : text;
}

const statusStyles: Readonly<Record<RunStatus | WorkstreamStatus | BriefStatus, Style>> = {
  pending: "gray",
  active: "yellow",
  review: "cyan",
  blocked: "magenta",
  done: "green",
  failed: "red",
};
const kindStyles: Readonly<Record<EventKind, Style>> = {
  spawned: "gray",
  completed: "green",
  failed: "red",
  escalated: "magenta",
  retried: "yellow",
};
const styles: Readonly<Record<string, Style>> = { ...statusStyles, ...kindStyles, current: "green" };

/** Returns a status or event kind in its colour; an unknown one is printed without colour. */
export function status(name: string): string {
  return paint(styleOf(name), printable(name));
}

/** Returns a status's style; "reset" for an unknown one, including names such as `constructor`. */
export function styleOf(name: string): Style {
  return (Object.hasOwn(styles, name) ? styles[name] : undefined) ?? "reset";
}

export interface Column {
  name: string;
  align?: "left" | "right";
  /** May be cut if the terminal is too narrow for all columns. */
  shrinks?: boolean;
  /** May be omitted if cutting is not enough; lowest number first. */
  drops?: number;
}

const gap = 2;
const narrowest = 7;

/**
 * Returns a function that prints rows as a table and may be called repeatedly: columns keep at least the width of earlier rows.
 * Cells must already be printable.
 */
export function tableWriter(columns: readonly Column[]): (rows: readonly (readonly string[])[]) => Promise<void> {
  const needed = columns.map(({ name }) => name.length);
  let isFirst = true;
  return async (rows) => {
    const all = isFirst ? [columns.map(({ name }) => paint("bold", name)), ...rows] : rows;
    isFirst = false;
    for (const row of all) {
      for (const [index, cell] of row.entries()) needed[index] = Math.max(needed[index] ?? 0, widthOf(cell));
    }
    if (terminalWidth() === undefined) return await printAll(all.map((row) => plainLine(row, columns, needed)));
    const widths = fitted(columns, needed, terminalWidth());
    const kept = <T>(cells: readonly T[]) => cells.filter((_, index) => (widths[index] ?? 0) > 0);
    const table = new Table({
      chars: noBorders,
      style: { head: [], border: [], "padding-left": 0, "padding-right": 0, compact: true },
      colWidths: kept(widths),
      colAligns: kept(columns).map(({ align }) => align ?? "left"),
    });
    table.push(...all.map((row) => kept(row.map((cell) => cell.slice(0, longest)))));
    const lines = table.toString().split("\n");
    await print(`${lines.map((line) => line.trimEnd()).join("\n")}\n`);
  };
}

/** In a pipe, cells are padded to at most this width, so that one long text does not lengthen every line. */
const widestFilled = 100;

function plainLine(cells: readonly string[], columns: readonly Column[], needed: readonly number[]): string {
  const filled = cells.map((cell, index) => {
    const width = Math.min(needed[index] ?? 0, widestFilled);
    if (cell.length > 2 * widestFilled) return cell;
    const space = " ".repeat(Math.max(0, width - widthOf(cell)));
    return columns[index]?.align === "right" ? space + cell : cell + space;
  });
  return `${filled.join(" ".repeat(gap)).trimEnd()}\n`;
}

const noBorders = Object.fromEntries(
  ["top", "bottom", "left", "right", "mid"]
    .flatMap((side) => [side, `${side}-mid`, `${side}-left`, `${side}-right`])
    .map((name) => [name, ""])
    .concat([["middle", " ".repeat(gap)]]),
);

/** Returns the columns' widths: shrinks the widest shrinkable column until all fit. An omitted column has width 0. */
function fitted(columns: readonly Column[], needed: readonly number[], width: number | undefined): number[] {
  const widths = [...needed];
  if (width === undefined) return widths;
  const total = (of: readonly number[]) => of.reduce((sum, one) => sum + (one > 0 ? one + gap : 0), -gap);
  const least = columns.map(({ shrinks }, index) =>
    Math.min(shrinks ? narrowest : Number.POSITIVE_INFINITY, needed[index] ?? 0),
  );
  const droppable = columns.flatMap(({ drops }, index) => (drops === undefined ? [] : [{ index, drops }]));
  for (const { index } of droppable.sort((a, b) => a.drops - b.drops)) {
    if (total(least) <= width) break;
    least[index] = 0;
    widths[index] = 0;
  }
  for (let excess = total(widths) - width; excess > 0; excess--) {
    const shrinking = columns.flatMap(({ shrinks }, index) => (shrinks ? [{ index, width: widths[index] ?? 0 }] : []));
    const widest = shrinking.sort((a, b) => b.width - a.width)[0];
    if (!widest || widest.width <= narrowest) break;
    widths[widest.index] = widest.width - 1;
  }
  return widths;
}

/** Longer than any terminal line, in characters. Text beyond it is not measured, since measuring a large payload is slow. */
const longest = 10_000;

const wide =
  /[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/gu;

/** Returns how many terminal columns a text takes, counting at most `longest` characters. */
export function widthOf(given: string): number {
  const text = given.length > longest ? given.slice(0, longest) : given;
  const bare = stripVTControlCharacters(text).replace(/\p{M}/gu, "");
  return [...bare].length + (bare.match(wide)?.length ?? 0);
}

/** Cuts a text to a width, with an ellipsis. The text must be printable and without colours. */
export function cut(text: string, width: number | undefined): string {
  if (width === undefined || widthOf(text) <= width) return text;
  let kept = "";
  for (const character of text) {
    if (widthOf(kept + character) >= width) break;
    kept += character;
  }
  return `${kept}…`;
}

/** Draws counts by status as a bar: done, failed, active, pending. */
export function bar(counts: { pending: number; active: number; done: number; failed: number }, width = 20): string {
  const parts = [
    { n: counts.done, style: "green", mark: "█" },
    { n: counts.failed, style: "red", mark: "▓" },
    { n: counts.active, style: "yellow", mark: "▒" },
    { n: counts.pending, style: "gray", mark: "░" },
  ] as const;
  const total = parts.reduce((sum, { n }) => sum + n, 0);
  if (total === 0) return paint("gray", "·".repeat(width));
  // A count above 0 gets at least one character, so that one failure among thousands is visible.
  const widths = parts.map(({ n }) => (n === 0 ? 0 : Math.max(1, Math.round((n / total) * width))));
  const widest = widths.indexOf(Math.max(...widths));
  const others = widths.reduce((sum, one, index) => (index === widest ? sum : sum + one), 0);
  widths[widest] = Math.max(1, width - others);
  return parts.map(({ style, mark }, index) => paint(style, mark.repeat(widths[index] ?? 0))).join("");
}

export function percent({ pending, active, done, failed }: Parameters<typeof bar>[0]): string {
  const total = pending + active + done + failed;
  // Rounded down: 100 % only if all briefs are finished.
  return total === 0 ? "-" : `${Math.floor(((done + failed) / total) * 100)} %`;
}

const units = [
  { name: "d", ms: 86_400_000 },
  { name: "h", ms: 3_600_000 },
  { name: "min", ms: 60_000 },
  { name: "s", ms: 1000 },
] as const;

/** Formats a duration in its largest unit, such as `3 min`. */
export function duration(ms: number): string {
  const unit = units.find((one) => ms >= one.ms);
  return unit ? `${Math.floor(ms / unit.ms)} ${unit.name}` : "0 s";
}

/** Returns the time elapsed since a timestamp; an invalid timestamp is printed unchanged. */
export function age(time: unknown): string {
  const ms = Date.now() - Date.parse(String(time));
  return Number.isNaN(ms) ? printable(time) : duration(Math.max(0, ms));
}

/** Returns the time until a timestamp, at least `0 s`; an invalid timestamp is printed unchanged. */
export function remaining(time: unknown): string {
  const ms = Date.parse(String(time)) - Date.now();
  return Number.isNaN(ms) ? printable(time) : duration(Math.max(0, ms));
}

/** Formats a count with commas. `toLocaleString` takes 25 ms to load its data, a twentieth of a command's run time. */
export function number(count: number): string {
  return printable(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** Formats a count with its noun, such as `1 brief` or `2 briefs`. */
export function plural(count: number, noun: string, nouns = `${noun}s`): string {
  return `${number(count)} ${count === 1 ? noun : nouns}`;
}
