/** Several processes that write to one run: in commit order, without deadlock, through crashes of the server. */
import { describe, expect, onTestFinished, test } from "vitest";
import type { Running } from "../processes/spawn.ts";
import { freshSchema, hasServer, newClient, openRun } from "./fresh.ts";
import { startPrograms } from "./program.ts";
import { startPrivateServer } from "./server.ts";

async function counting(schema: { url: string }) {
  const board = await openRun(schema, { runId: "shared" });
  await board.createBrief({ briefId: "counter", tier: 1, role: "counter" });
  return board;
}

const printedBy = (programs: readonly Running[], word: string) =>
  programs.flatMap(({ lines }) =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1)),
  );

describe.skipIf(!hasServer)("8 processes that write to one run", () => {
  const [writers, rounds] = [8, 10];

  test("append in commit order, a watch misses no event, and no callback loses an update or waits forever", async () => {
    const schema = await freshSchema();
    const board = await counting(schema);
    const deadlocks = () => schema.sql("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()");
    const before = await deadlocks();
    const programs = await startPrograms(writers, "write-beside", schema.url, `${rounds}`);
    const through = Promise.all(programs.map((program) => program.ask("begin").then(() => program.line("through"))));
    let writing = true;
    void through.finally(() => {
      writing = false;
    });
    const tail: number[] = [];
    for (let last = false; ; ) {
      const { items } = await board.listEvents({ after: tail.at(-1), limit: 7 });
      tail.push(...items.map(({ seq }) => seq));
      if (items.length === 0 && last) break;
      last = !writing;
    }
    await through;
    for (const program of programs) await program.finish();

    // A server from RUN_BLACKBOARD_POSTGRES_URL may not track commit timestamps.
    const [{ kept } = {}] = await schema.sql("SELECT current_setting('track_commit_timestamp') AS kept");
    const order = kept === "on" ? "pg_xact_commit_timestamp(xmin), seq" : "seq";
    const stored = await schema.sql<{ seq: number; id: string; kind: string }>(
      `SELECT seq, event_id AS id, kind FROM events ORDER BY ${order}`,
    );
    const seqs = stored.map(({ seq }) => seq);
    expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
    expect(tail).toEqual(seqs);
    const theirs = stored.filter(({ kind }) => kind !== "retried").map(({ id }) => id);
    expect(theirs).toHaveLength(2 * writers * rounds);
    expect(theirs.sort()).toEqual(printedBy(programs, "event").sort());
    expect((await board.getBrief("counter"))?.result).toEqual({ counted: writers * rounds });
    expect(await deadlocks()).toEqual(before);
    expect((await board.getRunSummary()).briefs.done).toBeGreaterThanOrEqual(writers * rounds);
  });
});

describe.skipIf(!hasServer || process.env.RUN_BLACKBOARD_POSTGRES_URL)("a server that crashes under load", () => {
  test("loses no acknowledged write and crashes no process", async () => {
    const server = startPrivateServer();
    if (!server) throw new Error("there is no server to start");
    onTestFinished(() => server.stop());
    const board = await counting(server);
    const programs = await startPrograms(4, "write-beside", server.url, "15");
    for (const program of programs) program.say("begin");
    for (const crashAfter of [6, 25]) {
      await programs[0]?.until((lines) => lines[crashAfter]);
      server.restart("immediate");
    }
    for (const program of programs) {
      await program.line("through");
      await program.finish();
    }
    const client = await newClient(server.url);
    const ids = async (sql: string) => (await client.query<{ id: string }>(sql)).rows.map(({ id }) => id).sort();
    expect(await ids("SELECT event_id AS id FROM run_blackboard.events WHERE kind <> 'retried'")).toEqual(
      printedBy(programs, "event").sort(),
    );
    expect(
      await ids("SELECT brief_id AS id FROM run_blackboard.briefs WHERE role = 'counted' AND status = 'done'"),
    ).toEqual(printedBy(programs, "done").sort());
    expect((await board.getBrief("counter"))?.result).toEqual({ counted: 60 });
  });
});
