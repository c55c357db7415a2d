/**
 * Measures whole programs on the compiled package: the run time of a short one compared with an empty Node program, and the
 * memory used to read a million events, in pages and by watching.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type Spread, spread } from "./measure.ts";
import type { Rows } from "./report.ts";
import { runId, Sites } from "./sites.ts";
import { fill } from "./size.ts";

const compiled = fileURLToPath(new URL("../dist/src/index.js", import.meta.url));

interface Programs {
  /** The time of a program that opens a current file and reads the run ÷ the time of `node -e 0`. */
  readonly start: Spread;
  /** Peak megabytes above the process's memory after opening the file. */
  readonly pagingMegabytes: number;
  readonly watchingMegabytes: number;
}

const run = (program: string, ...words: string[]) =>
  execFileSync(process.execPath, ["--input-type=module", "--eval", program, ...words], { encoding: "utf8" });

const short = `
  const { openBlackboard } = await import(process.argv[1]);
  const board = openBlackboard({ runId: "${runId}", file: process.argv[2] });
  board.getRun();
  board.close();`;

/** A program that prints the peak megabytes during `read` above those before it. `read` calls `look` periodically. */
const measuring = (read: string) => `
  const { openBlackboard } = await import(process.argv[1]);
  const board = openBlackboard({ runId: "${runId}", file: process.argv[2], readonly: true });
  board.listEvents();
  const before = process.memoryUsage.rss();
  let most = before;
  const look = () => {
    most = Math.max(most, process.memoryUsage.rss());
  };
  ${read}
  console.log((most - before) / 2 ** 20);`;

const paging = measuring(`
  for (let after = 0; after !== null; look()) ({ next: after } = board.listEvents({ limit: 1000, after }));`);

const watching = measuring(`
  for await (const { seq } of board.watchEvents({ after: 0 })) {
    if (seq % 1000 === 0) look();
    if (seq === 1_000_000) break;
  }`);

export function programs(rounds: number): Programs {
  using sites = new Sites("full");
  const file = sites.seeded();
  const timed = (program: string, ...words: string[]) => {
    const start = performance.now();
    run(program, ...words);
    return performance.now() - start;
  };
  const ratios = Array.from({ length: rounds }, () => timed(short, compiled, file) / timed("0"));
  const events = sites.seeded((board) => fill(board, { briefs: 1000, events: 1_000_000 }));
  return {
    start: spread(ratios),
    pagingMegabytes: Number(run(paging, compiled, events)),
    watchingMegabytes: Number(run(watching, compiled, events)),
  };
}

export function programRows({ start, pagingMegabytes, watchingMegabytes }: Programs): Rows {
  const { median, low, high } = start;
  return [
    ["program", "figure"],
    [
      "opens a current file and reads its run ÷ bare node",
      `${median.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`,
    ],
    ["memory while paging a million events, MB above start", pagingMegabytes.toFixed(0)],
    ["memory while watching a million events, MB above start", watchingMegabytes.toFixed(0)],
  ];
}
