/**
 * Text output: tables, bars, ages, colours. Colours need a terminal that supports them and no NO_COLOR; lines are cut to the
 * terminal's width, never in a pipe.
 */
import { stripVTControlCharacters, styleText } from "node:util";
import type { BriefStatus, EventKind, RunStatus, WorkstreamStatus } from "../errors-and-types.ts";
import { duration } from "./durations.ts";
import { printAll, printable, printLine } from "./output.ts";

type Style = Parameters<typeof styleText>[0];

const terminal = process.stdout.isTTY === true ? process.stdout : undefined;
// `hasColors` accounts for NO_COLOR and dumb terminals.
const hasColours = terminal?.hasColors() ?? false;

let isWide = false;

/** With `--wide`: lines are as long as what is in them, on a terminal too. */
export function showWhole(): void {
  isWide = true;
}

/** Returns the terminal's width in characters; `undefined` in a pipe and with `--wide`, where nothing is cut. */
export function terminalWidth(): number | undefined {
  return isWide ? undefined : terminal?.columns || undefined;
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
  /** Which part of a cell is cut if the terminal is too narrow for all columns; with `start`, its end remains. */
  shrinks?: "start" | "end";
  /** Columns are dropped before it is cut to less. */
  narrowest?: number;
  /** May be omitted if cutting is not enough; lowest number first. */
  drops?: number;
}

const gap = 2;
/** Default of `Column.narrowest`. */
const usuallyNarrowest = 7;

/**
 * Returns a function that prints rows as a table and may be called repeatedly: columns keep at least the width of earlier rows.
 * Cells must already be printable, and those of a column that shrinks without colours.
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
    const width = terminalWidth();
    const widths =
      width === undefined ? needed.map((one) => Math.min(one, widestFilled)) : fitted(columns, needed, width);
    await printAll(all.map((row) => `${fitting(lineOf(row, columns, widths, width !== undefined))}\n`));
  };
}

/** In a pipe, cells are padded to at most this width, so that one long text does not lengthen every line. */
const widestFilled = 100;

/** Joins cells, padded to the columns' widths. `cuts`: those that are longer are cut, and columns without a width left out. */
function lineOf(
  cells: readonly string[],
  columns: readonly Column[],
  widths: readonly number[],
  cuts: boolean,
): string {
  const filled = cells.flatMap((cell, index) => {
    const { align, shrinks } = columns[index] ?? {};
    const width = widths[index] ?? 0;
    if (cuts && width === 0) return [];
    const text = !cuts || shrinks === undefined ? cell : shrinks === "end" ? cut(cell, width) : cutStart(cell, width);
    const space = " ".repeat(Math.max(0, width - widthOf(text)));
    return [align === "right" ? space + text : text + space];
  });
  return filled.join(" ".repeat(gap)).trimEnd();
}

/** Returns the columns' widths: shrinks the widest shrinkable column until all fit. An omitted column has width 0. */
function fitted(columns: readonly Column[], needed: readonly number[], width: number): number[] {
  const widths = [...needed];
  const total = (of: readonly number[]) => of.reduce((sum, one) => sum + (one > 0 ? one + gap : 0), -gap);
  const least = columns.map(({ shrinks, narrowest = usuallyNarrowest }, index) =>
    Math.min(shrinks ? narrowest : Number.POSITIVE_INFINITY, needed[index] ?? 0),
  );
  const droppable = columns.flatMap(({ drops }, index) => (drops === undefined ? [] : [{ index, drops }]));
  for (const { index } of droppable.sort((a, b) => a.drops - b.drops)) {
    if (total(least) <= width) break;
    least[index] = 0;
    widths[index] = 0;
  }
  for (let excess = total(widths) - width; excess > 0; excess--) {
    const shrinking = widths.map((own, index) => ({ index, own, spare: own - (least[index] ?? 0) }));
    const widest = shrinking.filter(({ spare }) => spare > 0).sort((a, b) => b.own - a.own)[0];
    if (!widest) break;
    widths[widest.index] = widest.own - 1;
  }
  return widths;
}

/** Longer than any terminal line, in characters. Text beyond it is not measured, since measuring a large payload is slow. */
const longest = 10_000;

const wide =
  /[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/gu;

/** Most texts: one column for each character. Measuring others takes twenty times as long. */
const plain = /^[ -~]*$/;

/** Returns how many terminal columns a text takes, counting at most `longest` characters. */
export function widthOf(given: string): number {
  const text = given.length > longest ? given.slice(0, longest) : given;
  if (plain.test(text)) return text.length;
  const bare = stripVTControlCharacters(text).replace(/\p{M}/gu, "");
  return [...bare].length + (bare.match(wide)?.length ?? 0);
}

/** Cuts a text to a width, with an ellipsis. The text must be printable and without colours. */
export function cut(text: string, width: number | undefined): string {
  if (width === undefined || widthOf(text) <= width) return text;
  return `${beginning(text, width - 1)}…`;
}

function beginning(text: string, width: number): string {
  let kept = "";
  let left = width;
  for (const character of text) {
    left -= widthOf(character);
    if (left < 0) break;
    kept += character;
  }
  return kept;
}

/** Cuts a text whose end matters most, such as a path, at its beginning. */
export function cutStart(text: string, width: number | undefined): string {
  if (width === undefined || widthOf(text) <= width) return text;
  const backwards = (one: string) => [...one].reverse().join("");
  return backwards(cut(backwards(text.slice(-longest)), width));
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the codes that `paint` writes.
const colourCode = /(\u001b\[[\d;]*m)/;

/** Cuts a line, which may contain colours, to the terminal's width. */
export function fitting(line: string): string {
  const width = terminalWidth();
  if (width === undefined || widthOf(line) <= width) return line;
  let left = width - 1;
  // Codes of colours take no column, and those after the cut end the colours before it.
  const pieces = line.split(colourCode).map((piece, index) => {
    if (index % 2 === 1) return piece;
    const isCut = left >= 0 && widthOf(piece) > left;
    const shown = left < 0 ? "" : isCut ? `${beginning(piece, left)}…` : piece;
    left = isCut ? -1 : left - widthOf(piece);
    return shown;
  });
  return pieces.join("");
}

/** Prints a line, cut to the terminal's width. */
export async function printFitting(line: string): Promise<void> {
  await printLine(fitting(line));
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

/** Joins words, such as `a, b or c`. */
export function orOf(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
