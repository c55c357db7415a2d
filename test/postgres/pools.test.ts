/** Pools that blackboards share, and how values of a pool are read. */
import pg from "pg";
import { InvalidInputError } from "run-blackboard";
import { listPostgresRuns, postgresMigrationStatus, viewPostgresBlackboard } from "run-blackboard/postgres";
import { describe, expect, onTestFinished, test } from "vitest";
import { caught } from "../behaviour/engine.ts";
import { freshDatabase, freshSchema, hasServer, newPool, open, openRun, withOption } from "./fresh.ts";

const brief = { tier: 0, role: "coder" };

describe.skipIf(!hasServer)("blackboards with an equal connection string", () => {
  test("share one pool, whose connections end with the last of them", async () => {
    const schema = await freshSchema();
    const url = withOption(schema.url, "application_name=shared");
    const sessions = async () => {
      const [row] = await schema.sql<{ n: number }>(
        "SELECT count(*) AS n FROM pg_stat_activity WHERE application_name = 'shared'",
      );
      return row?.n;
    };
    const boards = await Promise.all(Array.from({ length: 200 }, (_, n) => open({ url }, { runId: `run-${n}` })));
    await Promise.all(boards.map((board) => board.createRun("a goal")));
    await using view = await viewPostgresBlackboard({ connection: url, runId: "run-7" });
    expect((await view.board.getRun())?.goal).toBe("a goal");
    expect(await sessions()).toBeLessThanOrEqual(10);
    const [last, ...others] = boards;
    for (const board of others) await board.close();
    await others[0]?.close();
    await view.close();
    expect((await last?.getRun())?.goal).toBe("a goal");
    await last?.close();
    await expect.poll(sessions, { timeout: 30_000 }).toBe(0);

    const again = await open({ url }, { runId: "run-0" });
    expect((await again.getRun())?.goal).toBe("a goal");
  });

  test("of which one can't be opened leave the others' pool open", async () => {
    const schema = await freshSchema();
    const board = await openRun(schema);
    await schema
      .sql("CREATE SCHEMA broken_here; CREATE TABLE broken_here.runs (n int)")
      .finally(() =>
        onTestFinished(() => schema.sql("DROP SCHEMA IF EXISTS broken_here CASCADE").then(() => undefined)),
      );
    const url = new URL(schema.url);
    url.searchParams.delete("schema");
    const first = await openRun({ url: url.href }, { schema: schema.name, runId: "second" });
    await expect(open({ url: url.href }, { schema: "broken_here" })).rejects.toMatchObject({ code: "SCHEMA_MISMATCH" });
    expect((await first.getRun())?.goal).toBe("a goal");
    expect((await board.getRun())?.goal).toBe("a goal");
  });
});

/** A program that reads every integer as a BigInt, and other values in its own way. */
const odd: pg.CustomTypesConfig = {
  getTypeParser: (oid: number) => {
    if ([20, 21, 23].includes(oid)) return BigInt;
    if (oid === 25) return (text: string) => ({ text });
    if (oid === 16) return (text: string) => `bool ${text}`;
    if ([114, 3802].includes(oid)) return (text: string) => `json ${text}`;
    return (text: string) => `other ${text}`;
  },
};

async function useEverything(connection: pg.Pool): Promise<void> {
  const board = await openRun({ url: "" }, { connection, newId: undefined });
  await board.spawnBrief({ briefId: "b", payload: { deep: [1] }, ...brief });
  await board.spawnBrief({ briefId: "c", after: ["b"], ...brief });
  const claim = await board.claimBrief({ agentId: "a", leaseMs: 60_000 });
  expect(claim).toMatchObject({ attempt: 1, brief: { briefId: "b", tier: 0, payload: { deep: [1] } } });
  if (!claim) throw new Error("nothing to claim");
  await board.transaction((tx) => tx.completeBrief(claim, { n: 1 }));
  expect((await board.logEvent("escalated", { detail: { n: 1 } })).seq).toBe(4);
  expect(await board.getRunSummary()).toMatchObject({ lastSeq: 4, briefs: { done: 1, pending: 1 } });
  expect((await board.listBriefs()).items).toMatchObject([{ result: { n: 1 } }, { waitsFor: 0, payload: {} }]);
  expect((await board.listEvents()).items.at(-1)).toMatchObject({ seq: 4, detail: { n: 1 } });
  expect((await board.getBriefTree()).totals).toMatchObject({ done: 1, pending: 1 });
  expect(await postgresMigrationStatus({ connection })).toMatchObject({ state: "current" });
  expect(await listPostgresRuns({ connection })).toMatchObject([{ summary: { briefs: { done: 1 } } }]);
}

describe.skipIf(!hasServer)("type parsers of the program", () => {
  test("for its pool change nothing", async () => {
    const schema = await freshSchema();
    await useEverything(newPool(schema.url, { types: odd }));
  });

  test("for the whole process change nothing", async () => {
    const schema = await freshSchema();
    const oids = [16, 20, 21, 23, 25, 114, 3802];
    const before = oids.map((oid) => [oid, pg.types.getTypeParser(oid)] as const);
    onTestFinished(() => {
      for (const [oid, parser] of before) pg.types.setTypeParser(oid, parser);
    });
    for (const oid of oids) pg.types.setTypeParser(oid, odd.getTypeParser(oid));
    const pool = new pg.Pool({ connectionString: schema.url });
    onTestFinished(() => pool.end());
    await useEverything(pool);
  });
});

describe.skipIf(!hasServer)("a database with another encoding than UTF-8", () => {
  test.each(["LATIN1", "SQL_ASCII"])("is refused by name before anything is created: %s", async (encoding) => {
    const database = await freshDatabase(
      `ENCODING '${encoding}' LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`,
    );
    for (const call of [
      () => open(database),
      () => open(database, { migrate: "check" }),
      () => postgresMigrationStatus({ connection: database.url }),
    ]) {
      const error = await caught(InvalidInputError, call);
      expect(error.issues).toMatchObject([{ path: "connection" }]);
      expect(error.message).toContain(encoding);
    }
    expect(await database.sql("SELECT 1 FROM pg_namespace WHERE nspname = 'run_blackboard'")).toEqual([]);
  });

  test("as that of the connection is refused, too", async () => {
    const schema = await freshSchema();
    const pool = newPool(schema.url, { max: 1 });
    await pool.query("SET client_encoding = 'LATIN1'");
    const error = await caught(InvalidInputError, () => open(schema, { connection: pool }));
    expect(error.message).toContain("LATIN1");
  });
});
