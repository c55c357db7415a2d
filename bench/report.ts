/** Formats the results: tables of ratios, and the machine they were measured on. */
import { availableParallelism, cpus } from "node:os";
import Database from "better-sqlite3";
import type { Figures, Spread } from "./measure.ts";

interface Machine {
  readonly node: string;
  readonly sqlite: string;
  readonly cpu: string;
  readonly cores: number;
}

export function machine(): Machine {
  const db = new Database(":memory:");
  const sqlite = db.prepare("SELECT sqlite_version()").pluck().get();
  db.close();
  return {
    node: process.version,
    sqlite: String(sqlite),
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
  };
}

export function machineLine({ node, sqlite, cpu, cores }: Machine): string {
  return `Node ${node}, SQLite ${sqlite}, ${cores} × ${cpu}`;
}

/** The rows of a table; the first one is the header. */
export type Rows = readonly (readonly string[])[];

/** One row per line and level. */
export function ratioRows(figures: readonly Figures[]): Rows {
  const rows = figures.map(({ line, level, microseconds, ratios }) => [
    line,
    level,
    short(microseconds.raw),
    short(microseconds.ours),
    ratio(ratios.ours),
  ]);
  return [["operation", "synchronous", "raw µs", "ours µs", "ours ÷ raw"], ...rows];
}

/** One row per peer, line and level. */
export function peerRows(figures: readonly Figures[]): Rows {
  const rows = figures.flatMap(({ line, level, microseconds, ratios, limits }) =>
    Object.keys(limits).map((peer) => [
      line,
      level,
      peer,
      short(microseconds[peer]),
      ratio(ratios[peer]),
      ratio(limits[peer]),
    ]),
  );
  return [["operation", "synchronous", "peer", "peer µs", "peer ÷ ours", "peer ÷ raw"], ...rows];
}

export function sizeRows(figures: readonly Figures[]): Rows {
  const head = ["operation", "small µs", "large µs", "large ÷ small"];
  const rows = figures.map(({ line, microseconds, ratios }) => [
    line,
    short(microseconds.raw),
    short(microseconds.ours),
    ratio(ratios.ours),
  ]);
  return [head, ...rows];
}

/** Formats a Markdown table: text columns left-aligned, numbers right-aligned. */
export function markdown([head = [], ...rows]: Rows): string {
  const numeric = head.map((_, column) => rows.every((row) => /^[\d.,]*( \(.*\))?$/.test(row[column] ?? "")));
  const widths = head.map((title, column) => Math.max(3, title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, n) => (numeric[n] ? (cells[n] ?? "").padStart(width) : (cells[n] ?? "").padEnd(width))).join(" | ")} |`;
  const rule = `| ${widths.map((width, n) => "-".repeat(width - 1) + (numeric[n] ? ":" : "-")).join(" | ")} |`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}

export function ratio(spread: Spread | undefined): string {
  return spread ? `${spread.median.toFixed(2)} (${spread.low.toFixed(2)}–${spread.high.toFixed(2)})` : "";
}

export function short(value = Number.NaN): string {
  return value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString("en");
}
