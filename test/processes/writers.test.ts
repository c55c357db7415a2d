import { join } from "node:path";
import Database from "better-sqlite3";
import { openBlackboard } from "run-blackboard";
import { expect, test } from "vitest";
import { temporaryFolder } from "./folder.ts";
import { startProgram } from "./spawn.ts";

interface Done {
  readonly briefs: number;
  readonly events: number;
  readonly retries: number;
  readonly counted: number;
  readonly won: number;
  readonly longestMs: number;
}

test.each([
  { writers: 2, rounds: 600 },
  { writers: 4, rounds: 300 },
])("$writers processes write to one file for seconds without an error or a lost write", async ({ writers, rounds }) => {
  const file = join(temporaryFolder(), "blackboard.db");
  using board = openBlackboard({ runId: "shared", file });
  board.createRun("write together");
  board.createBrief({ briefId: "counter", tier: 1, role: "counter" });
  board.updateBriefResult("counter", { counted: 0 });
  for (let n = 0; n < rounds; n++) board.createBrief({ briefId: `prize/${n}`, tier: 1, role: "prize" });

  const programs = Array.from({ length: writers }, (_, n) =>
    startProgram("write-beside", [file, `w${n}`, `${rounds}`]),
  );
  await Promise.all(programs.map((program) => program.line("ready")));
  for (const program of programs) program.say("begin");
  const ended = await Promise.all(programs.map((program) => program.finish()));
  const done = ended.map((lines): Done => JSON.parse(lines.at(-1) ?? ""));
  const sum = (what: keyof Done) => done.reduce((total, one) => total + one[what], 0);

  expect(done.map(({ briefs, events }) => briefs + events)).toEqual(done.map(() => 2 * rounds));
  const { briefs, events } = board.getRunSummary();
  expect(briefs.pending + briefs.active).toBe(sum("briefs") + rounds);
  expect(events.spawned).toBe(sum("events"));
  expect(board.getBrief("counter")).toMatchObject({ retryCount: sum("retries"), result: { counted: sum("counted") } });
  expect(sum("won"), "each brief is activated by one of them").toBe(rounds);
  expect(briefs.active).toBe(rounds);
  expect(rawly(file, "PRAGMA integrity_check")).toBe("ok");
});

function rawly(file: string, sql: string): unknown {
  const database = new Database(file, { readonly: true });
  try {
    return database.prepare(sql).pluck().get();
  } finally {
    database.close();
  }
}
