/** verify checks what claims rely on against the dependencies and workstreams, and repair makes claims right again. */
import { type Problem, verifyBlackboard } from "run-blackboard";
import { verifyPostgresBlackboard } from "run-blackboard/postgres";
import { describe, expect, test } from "vitest";
import { connectTo, open as openFile } from "../behaviour/sqlite.ts";
import { freshSchema, hasServer, open as openOnServer } from "../postgres/fresh.ts";
import { temporaryFolder } from "../processes/folder.ts";
import type { Board } from "../transfer/places.ts";

interface Place {
  readonly board: Board;
  sql(text: string): Promise<object[]>;
  verify(options?: { repair: boolean }): Promise<{ problems: Problem[]; repaired?: Problem[] }>;
}

async function file(): Promise<Place> {
  const path = `${temporaryFolder()}/blackboard.db`;
  const board = openFile({ runId: "r", file: path });
  const client = connectTo(path);
  return {
    board,
    sql: async (text) => {
      const statement = client.prepare<[], object>(text);
      return statement.reader ? statement.all() : [statement.run()];
    },
    verify: async (options) => verifyBlackboard({ file: path, ...options }),
  };
}

async function server(): Promise<Place> {
  const schema = await freshSchema();
  const board = await openOnServer(schema, { runId: "r" });
  return {
    board,
    sql: (text) => schema.sql(text),
    verify: (options) => verifyPostgresBlackboard({ connection: schema.url, ...options }),
  };
}

const engines: [string, () => Promise<Place>][] = [["a file", file]];
if (hasServer) engines.push(["a server", server]);

const request = { agentId: "agent-1", leaseMs: 60_000 };
const linesOf = (problems: readonly Problem[] = []) => problems.map(({ kind, message }) => `${kind}: ${message}`);
const stored = "SELECT * FROM briefs ORDER BY brief_id";

/** "last" comes after "a" and "b"; "held" is parked in a blocked workstream, "delayed" until its time. */
async function filled(make: () => Promise<Place>): Promise<Place> {
  const place = await make();
  const { board } = place;
  await board.createRun("a goal");
  for (const workstreamId of ["open", "shut"]) await board.createWorkstream({ workstreamId, name: "name", tier: 1 });
  for (const briefId of ["a", "b"]) await board.createBrief({ briefId, tier: 1, role: "coder" });
  await board.createBrief({ briefId: "last", tier: 1, role: "coder", after: ["a", "b"], workstreamId: "open" });
  await board.createBrief({ briefId: "held", tier: 1, role: "tester", workstreamId: "shut" });
  const notBefore = new Date("2999-01-01T00:00:00Z");
  await board.createBrief({ briefId: "delayed", tier: 1, role: "tester", notBefore });
  await board.updateWorkstreamStatus("shut", "blocked");
  expect(await board.claimBrief({ ...request, role: "tester" })).toBeUndefined();
  await board.updateBriefStatus("a", "done");
  return place;
}

const wrongCount = 'queue: run "r": briefs whose count of unfinished dependencies is wrong: 1, such as "last"';
const misparked = (id: string) =>
  `queue: run "r": briefs that are kept out of the queue for no reason: 1, such as "${id}"`;

/** What another program may write, and what verify says. */
const spoilings: [what: string, sql: string, line: string][] = [
  ["a count that is too high", "UPDATE briefs SET waits_for = 7 WHERE brief_id = 'last'", wrongCount],
  ["a count of nothing", "UPDATE briefs SET waits_for = 0 WHERE brief_id = 'last'", wrongCount],
  ["a negative count", "UPDATE briefs SET waits_for = -1 WHERE brief_id = 'last'", wrongCount],
  ["a brief parked before no time", "UPDATE briefs SET parked = 1 WHERE brief_id = 'b'", misparked("b")],
  ["a delayed brief without its time", "UPDATE briefs SET not_before = NULL WHERE parked = 1", misparked("delayed")],
  ["a brief parked for no workstream", "UPDATE briefs SET parked = 2 WHERE brief_id = 'b'", misparked("b")],
  ["a brief parked for an open workstream", "UPDATE briefs SET parked = 2 WHERE brief_id = 'last'", misparked("last")],
  [
    "a parked brief in a different workstream",
    "UPDATE briefs SET workstream_id = 'open' WHERE parked = 2",
    misparked("held"),
  ],
  ["a brief parked for an unknown reason", "UPDATE briefs SET parked = 9 WHERE brief_id = 'b'", misparked("b")],
];

describe.each(engines)("verify of %s", (_, make) => {
  test("finds nothing wrong with briefs that wait, in whatever way", async () => {
    const { verify } = await filled(make);
    expect((await verify()).problems).toEqual([]);
    expect(await verify({ repair: true })).toMatchObject({ problems: [], repaired: [] });
  });

  test.each(spoilings)("reports %s and changes nothing; with repair it is right again", async (_what, sql, line) => {
    const { board, sql: run, verify } = await filled(make);
    const sound = await run("SELECT brief_id, waits_for FROM briefs ORDER BY brief_id");
    await run(sql);
    const before = await run(stored);
    const { problems } = await verify();
    expect(linesOf(problems)).toEqual([line]);
    expect(await run(stored)).toEqual(before);

    expect(await verify({ repair: true })).toMatchObject({ problems: [], repaired: problems });
    expect(await run("SELECT brief_id, waits_for FROM briefs ORDER BY brief_id")).toEqual(sound);
    expect(await verify({ repair: true })).toMatchObject({ problems: [], repaired: [] });
    await board.updateWorkstreamStatus("shut", "active");
    const claimed: string[] = [];
    for (let claim = await board.claimBrief(request); claim; claim = await board.claimBrief(request)) {
      claimed.push(claim.brief.briefId);
      await board.completeBrief(claim, {});
    }
    expect(claimed.filter((id) => id !== "delayed").sort()).toEqual(["b", "held", "last"]);
    expect(claimed.indexOf("last")).toBeGreaterThan(claimed.indexOf("b"));
  });

  test("names the dependents of missing briefs and dependencies without a brief", async () => {
    const { sql, verify } = await filled(make);
    await sql("DELETE FROM briefs WHERE brief_id = 'b'");
    await sql("INSERT INTO dependencies (run_id, brief_id, blocker_id) VALUES ('r', 'nobody', 'a')");
    const lines = [
      'orphan: run "r": briefs that come after a brief that is missing: 1, such as "last"',
      'orphan: run "r": briefs that are missing but have dependencies: 1, such as "nobody"',
    ];
    expect(linesOf((await verify()).problems)).toEqual(lines);
    expect(linesOf((await verify({ repair: true })).problems)).toEqual(lines);
  });

  test("names the briefs that wait for themselves, directly or through others, and no others", async () => {
    const { board, sql, verify } = await filled(make);
    for (const briefId of ["c", "d", "e"]) await board.createBrief({ briefId, tier: 1, role: "coder" });
    const link = (briefId: string, blockerId: string) =>
      sql(`INSERT INTO dependencies (run_id, brief_id, blocker_id) VALUES ('r', '${briefId}', '${blockerId}')`);
    await link("held", "held");
    expect(linesOf((await verify()).problems)).toEqual([
      'cycle: run "r": briefs whose dependencies form a cycle, so that none of them can become ready: 1, such as "held"',
    ]);
    // "e" only waits for the circle, and the circle waits for "last".
    for (const [one, other] of [
      ["c", "d"],
      ["d", "c"],
      ["d", "last"],
      ["e", "c"],
    ] as const)
      await link(one, other);
    const { problems } = await verify({ repair: true });
    expect(linesOf(problems)).toEqual([
      'cycle: run "r": briefs whose dependencies form a cycle, so that none of them can become ready: 3, such as "c", "d", "held"',
    ]);
  });
});

describe("verify of a file", () => {
  test("recounts what a dropped trigger did not count, after it has recreated the trigger", async () => {
    const { board, sql, verify } = await filled(file);
    await sql("DROP TRIGGER briefs_blocker_done");
    await sql("UPDATE briefs SET status = 'done' WHERE brief_id = 'b'");
    const trigger = "schema: trigger briefs_blocker_done: is missing";
    // Rows of a different schema are not queried.
    expect(linesOf((await verify()).problems)).toEqual([trigger]);
    const { problems, repaired } = await verify({ repair: true });
    expect([problems, linesOf(repaired)]).toEqual([[], [trigger, wrongCount]]);
    expect((await board.claimBrief({ ...request, role: "coder" }))?.brief.briefId).toBe("last");
  });

  test("returns to the queue what a blocked workstream held that another program has replaced or deleted", async () => {
    const { board, sql, verify } = await filled(file);
    await sql(
      "INSERT OR REPLACE INTO workstreams (workstream_id, run_id, name, tier, status, created_at, updated_at) VALUES ('shut', 'r', 'name', 1, 'active', 't', 't')",
    );
    expect(linesOf((await verify({ repair: true })).repaired)).toContain(misparked("held"));
    expect((await board.claimBrief({ ...request, role: "tester" }))?.brief.briefId).toBe("held");
  });
});

describe.skipIf(!hasServer)("repair of a server", () => {
  test("waits for a transaction that completes a blocker, and counts it", async () => {
    const { board, sql, verify } = await filled(server);
    await sql("UPDATE briefs SET waits_for = 7 WHERE brief_id = 'last'");
    let repair: ReturnType<Place["verify"]> | undefined;
    await board.transaction(async (tx) => {
      await tx.updateBriefStatus("b", "done");
      repair = verify({ repair: true });
      const waiting = "SELECT 1 FROM pg_locks WHERE mode = 'ExclusiveLock' AND locktype = 'relation' AND NOT granted";
      await expect.poll(() => sql(waiting), { timeout: 30_000 }).toHaveLength(1);
    });
    expect(await repair).toMatchObject({ problems: [] });
    expect((await board.getBrief("last"))?.waitsFor).toBe(0);
  });
});
