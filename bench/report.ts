/** What is printed: a table of ratios, and the machine that they were taken on. */
import { availableParallelism, cpus } from "node:os";
import Database from "better-sqlite3";
import Table from "cli-table3";
import type { Figures, Spread } from "./measure.ts";

export interface Machine {
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

/** A row a line and level; two columns more for each peer that any line has. */
export function ratioTable(figures: readonly Figures[]): string {
  const peers = [...new Set(figures.flatMap(({ ratios }) => Object.keys(ratios)))].filter((name) => name !== "ours");
  const table = plainTable(
    ["operation", "synchronous", "raw µs", "ours µs", "ours ÷ raw", "10–90 %"],
    peers.flatMap((peer) => [`${peer} ÷ ours`, "10–90 %"]),
  );
  for (const { line, level, microseconds, ratios } of figures) {
    const { raw = Number.NaN, ours = Number.NaN } = microseconds;
    table.push([
      line,
      level,
      short(raw),
      short(ours),
      ...ratio(ratios.ours),
      ...peers.flatMap((peer) => ratio(ratios[peer])),
    ]);
  }
  return table.toString();
}

export function plainTable(left: readonly string[], more: readonly string[] = []): InstanceType<typeof Table> {
  const head = [...left, ...more];
  return new Table({
    head,
    colAligns: head.map((_, column) => (column < 2 ? "left" : "right")),
    style: { head: [], border: [], compact: true },
  });
}

export function ratio(spread: Spread | undefined): [string, string] {
  if (!spread) return ["", ""];
  return [spread.median.toFixed(2), `${spread.low.toFixed(2)}–${spread.high.toFixed(2)}`];
}

function short(value: number): string {
  return value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString("en");
}
