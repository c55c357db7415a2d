import { readFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { openBlackboard } from "run-blackboard";
import { expect, test } from "vitest";
import { temporaryFolder } from "./folder.ts";
import { type Running, startProgram } from "./spawn.ts";

const kills = 25;

test("a writer killed with SIGKILL 25 times loses no acknowledged write, and integrity_check passes", async () => {
  const file = join(temporaryFolder(), "blackboard.db");
  // The next processes load in the meantime and wait for the signal to begin.
  const writers: Running[] = [];
  const writerOf = (kill: number) => {
    while (writers.length < Math.min(kill + 4, kills)) {
      writers.push(startProgram("write-until-killed", [file, `w${writers.length}`]));
    }
    return writers[kill];
  };
  const acknowledged: string[] = [];
  for (let kill = 0; kill < kills; kill++) {
    const writer = writerOf(kill);
    if (!writer) throw new Error("there is one for each kill");
    await writer.line("loaded");
    writer.say("begin");
    const enough = 2 + ((kill * 37) % 211);
    await writer.until((lines) => lines.length >= enough || undefined);
    writer.kill();
    expect(await writer.ended).toMatchObject({ signal: "SIGKILL" });
    acknowledged.push(...writer.lines.slice(1));
    // Not after each kill: most of the time the next writer finds the file as the killed one left it.
    if (kill % 5 === 4) expectWhole(file, acknowledged);
  }
  using board = openBlackboard({ runId: "killed", file });
  const events = acknowledged.filter((id) => id.includes("/event/")).length;
  expect(board.getRunSummary().events.spawned).toBeGreaterThanOrEqual(events);
});

test("a readonly blackboard reads a killed writer's WAL and leaves it in place", async () => {
  const file = join(temporaryFolder(), "blackboard.db");
  const writer = startProgram("write-until-killed", [file, "w"]);
  writer.say("begin");
  await writer.until((lines) => lines.length >= 20 || undefined);
  writer.kill();
  await writer.ended;
  const contents = () => [file, `${file}-wal`].map((path) => readFileSync(path).toString("base64"));
  const before = contents();
  const board = openBlackboard({ runId: "killed", file, readonly: true });
  const acknowledged = writer.lines.slice(1).filter((line) => !line.includes("/event/"));
  expect(acknowledged.length).toBeGreaterThan(5);
  expect(acknowledged.filter((briefId) => !board.getBrief(briefId))).toEqual([]);
  board.close();
  expect(contents()).toEqual(before);
});

function expectWhole(file: string, acknowledged: readonly string[]): void {
  const database = new Database(file);
  try {
    expect(database.pragma("integrity_check", { simple: true })).toBe("ok");
    const ids = (sql: string) => database.prepare<[], string>(sql).pluck().all();
    const stored = new Set(ids("SELECT brief_id FROM briefs UNION ALL SELECT event_id FROM events"));
    expect(acknowledged.filter((id) => !stored.has(id))).toEqual([]);
    const halves =
      "SELECT brief_id FROM briefs WHERE role = 'paired' EXCEPT SELECT brief_id FROM events " +
      "UNION SELECT brief_id FROM events EXCEPT SELECT brief_id FROM briefs";
    expect(ids(halves), "what one transaction wrote is there as a whole").toEqual([]);
  } finally {
    database.close();
  }
}
