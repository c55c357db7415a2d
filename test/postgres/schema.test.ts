/** The schema that holds the tables: chosen, created, and not affected by anything in the database around it. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { eq } from "drizzle-orm";
import { copyRun, DatabaseError, exportRun, InvalidInputError, MigrationError } from "run-blackboard";
import {
  listPostgresRuns,
  migratePostgresBlackboard,
  openPostgresBlackboard,
  postgresMigrationStatus,
  postgresRun,
  prunePostgresRuns,
  verifyPostgresBlackboard,
  viewPostgresBlackboard,
} from "run-blackboard/postgres";
import { briefs, tablesIn } from "run-blackboard/postgres/schema";
import { describe, expect, onTestFinished, test } from "vitest";
import { caught } from "../behaviour/engine.ts";
import { printed, run } from "../cli/command.ts";
import {
  freshDatabase,
  freshRole,
  hasServer,
  inSchema,
  newPool,
  open,
  openRun,
  type Schema,
  withOption,
} from "./fresh.ts";

const brief = { tier: 0, role: "coder" };
const project = fileURLToPath(new URL("../..", import.meta.url));

/** The relations of each schema that has any. */
async function schemasOf({ sql }: Schema): Promise<string[]> {
  const rows = await sql<{ name: string }>(
    `SELECT DISTINCT nspname AS name FROM pg_class JOIN pg_namespace ON relnamespace = pg_namespace.oid
     WHERE nspname !~ '^(pg_|information_schema)' ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

/** Goes through every trigger and table. */
async function useAll(given: { connection: string; schema?: string | undefined }): Promise<void> {
  await using board = await openPostgresBlackboard({ runId: "run-1", ...given });
  await board.createRun("a goal");
  await board.createWorkstream({ workstreamId: "w", name: "w", tier: 0 });
  await board.spawnBrief({ briefId: "first", workstreamId: "w", ...brief });
  await board.spawnBrief({ briefId: "second", after: ["first"], ...brief });
  const claim = await board.claimBrief({ agentId: "a", leaseMs: 60_000 });
  if (!claim) throw new Error("nothing to claim");
  await board.transaction((tx) => tx.completeBrief(claim, { n: 1 }));
  expect(await board.getBrief("second")).toMatchObject({ waitsFor: 0 });
  expect(await board.getRunSummary()).toMatchObject({ lastSeq: 3, briefs: { done: 1, pending: 1 } });
}

describe.skipIf(!hasServer)("the tables", () => {
  test("are in the schema run_blackboard, which the first open creates, and no other schema has any", async () => {
    const database = await freshDatabase();
    await useAll({ connection: database.url });
    expect(await schemasOf(database)).toEqual(["run_blackboard"]);
    const board = await open(database);
    expect(board.location).toMatch(/[?&]schema=run_blackboard$/);
    expect(await board.drizzle.select({ id: briefs.briefId }).from(briefs).where(eq(briefs.status, "done"))).toEqual([
      { id: "first" },
    ]);
    expect((await board.drizzle.query.runs.findMany()).map(({ goal }) => goal)).toEqual(["a goal"]);
  });

  const names = [
    "public",
    "Team A",
    'it"s "quoted"; DROP TABLE runs; --',
    "$$ BEGIN $$ --> statement-breakpoint\n",
    "run_blackboard.runs",
    "ü".repeat(31),
    "x".repeat(63),
  ];
  test.each(names)("are in the schema that the option names, for every function: %j", async (schema) => {
    const database = await freshDatabase();
    const server = { connection: database.url, schema };
    expect(await postgresMigrationStatus(server)).toMatchObject({ state: "empty", applied: [] });
    expect(await migratePostgresBlackboard(server)).toMatchObject({ state: "current", pending: [] });
    await useAll(server);
    expect(await schemasOf(database)).toEqual([schema]);
    expect(await postgresMigrationStatus(server)).toMatchObject({ state: "current" });
    expect(await verifyPostgresBlackboard({ ...server, repair: true })).toMatchObject({ problems: [] });
    expect(await listPostgresRuns(server)).toMatchObject([{ runId: "run-1", error: null }]);
    await using view = await viewPostgresBlackboard(server);
    expect((await view.board.getRun())?.goal).toBe("a goal");
    const { drizzle } = view.board;
    expect(await drizzle.$count(tablesIn(schema).events)).toBe(3);
    await copyRun(postgresRun(server), postgresRun({ ...server, runId: "copy" }));
    await view.board.drizzle
      .update(tablesIn(schema).runs)
      .set({ status: "done", updatedAt: "2000-01-01T00:00:00.000Z" });
    expect(await prunePostgresRuns({ ...server, olderThanMs: 0, dryRun: true })).toHaveLength(2);
    expect(await schemasOf(database)).toEqual([schema]);
    const copied = [];
    for await (const text of exportRun(postgresRun({ ...server, runId: "copy" }))) copied.push(text);
    expect(copied.join("")).toContain('"briefId":"second"');
  });

  test("of two schemas of a database are independent of each other, also in one pool", async () => {
    const database = await freshDatabase();
    const pool = newPool(database.url, { max: 1 });
    const boards = [];
    for (const schema of ["one", "two"]) boards.push(await open(database, { connection: pool, schema }));
    for (const [n, board] of boards.entries()) await board.createRun(`goal ${n}`);
    for (const [n, board] of boards.entries()) {
      await board.transaction((tx) => tx.createBrief({ briefId: "b", ...brief }));
      expect((await board.getRun())?.goal).toBe(`goal ${n}`);
      expect((await board.logEvent("spawned")).seq).toBe(1);
    }
  });

  test.each([
    [{ schema: "" }, "schema"],
    [{ schema: "x".repeat(64) }, "schema"],
    [{ schema: "ü".repeat(32) }, "schema"],
    [{ schema: "pg_own" }, "schema"],
    [{ schema: "a\0b" }, "schema"],
    [{ schema: 7 }, "schema"],
    [{ schema: "postgresql://u:S3cr3t@h/d" }, "schema"],
  ])("can't be in a schema with an impossible name: %j", async (options, path) => {
    const connection = "postgresql://localhost:1/db";
    const error = await caught(InvalidInputError, () =>
      openPostgresBlackboard({ runId: "r", connection, ...options } as never),
    );
    expect(error.issues[0]?.path).toBe(path);
    expect(error.message).not.toContain("S3cr3t");
  });

  test("are in the schema of a connection string, also of a pool's; another one as option is refused", async () => {
    const database = await freshDatabase();
    const url = inSchema(database.url, "by_url");
    for (const connection of [url, newPool(url)]) {
      const board = await open(database, { connection });
      expect(board.location).toContain("schema=by_url");
      await open(database, { connection, schema: "by_url" });
      const error = await caught(InvalidInputError, () => open(database, { connection, schema: "other" }));
      expect(error.issues).toMatchObject([{ path: "schema" }]);
    }
    await caught(InvalidInputError, () => open({ url: `${url}&schema=again` }));
    await caught(InvalidInputError, () => open({ url: inSchema(database.url, "pg_own") }));
    expect(await schemasOf(database)).toEqual(["by_url"]);
  });
});

describe.skipIf(!hasServer)("a search_path, temporary tables and other programs", () => {
  test("don't lead to other tables, although they have tables with the same names", async () => {
    const database = await freshDatabase();
    await useAll({ connection: database.url });
    await database.sql(`CREATE SCHEMA decoy;
      CREATE TABLE decoy.briefs (n int); CREATE TABLE decoy.runs (n int); CREATE TABLE decoy.event_counters (n int);
      CREATE TABLE public.events (n int); CREATE TABLE public.__drizzle_migrations (n int)`);
    const pool = newPool(withOption(database.url, "search_path=decoy,public"), { max: 1 });
    for (const name of ["briefs", "dependencies", "events", "event_counters", "runs", "workstreams", "tallies"]) {
      await pool.query(`CREATE TEMP TABLE ${name} (n int)`);
    }
    const board = await open(database, { connection: pool, migrate: "check" });
    expect((await board.logEvent("spawned")).seq).toBe(4);
    await board.spawnBrief({ briefId: "third", after: ["second"], ...brief });
    await board.updateBriefStatus("second", "done");
    expect(await board.getBrief("third")).toMatchObject({ waitsFor: 0 });
    await board.transaction((tx) => tx.failBrief("third"));
    expect(await board.getRunSummary()).toMatchObject({ lastSeq: 6, briefs: { done: 2, failed: 1 } });
  });

  test("don't split a live blackboard: a schema that is created later, named like the role, changes nothing", async () => {
    const database = await freshDatabase();
    const role = `app_${database.name}`;
    const url = await freshRole(database, role);
    await database.sql(`GRANT CREATE ON DATABASE ${database.name} TO ${role}; GRANT ALL ON SCHEMA public TO ${role}`);
    const first = await openRun({ url });
    await database.sql(`CREATE SCHEMA AUTHORIZATION ${role}`);
    const second = await open({ url });
    await second.logEvent("spawned");
    await first.logEvent("spawned");
    expect((await second.getRunSummary()).lastSeq).toBe(2);
    expect((await second.getRun())?.goal).toBe("a goal");
  });

  test("such as a user's own drizzle-kit neither drop the tables nor record migrations between ours", async () => {
    const database = await freshDatabase();
    await useAll({ connection: database.url });
    const folder = mkdtempSync(join(project, "node_modules/.user-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const config = join(folder, "drizzle.config.ts");
    writeFileSync(
      join(folder, "schema.ts"),
      `import { pgTable, text } from "drizzle-orm/pg-core"; export const users = pgTable("users", { name: text("name") });`,
    );
    writeFileSync(
      config,
      `export default ${JSON.stringify({
        dialect: "postgresql",
        schema: join(folder, "schema.ts"),
        out: join(folder, "out"),
        dbCredentials: { url: database.url },
        migrations: { table: "__drizzle_migrations", schema: "public" },
      })}`,
    );
    const kit = (...words: string[]) =>
      execFileSync("node_modules/.bin/drizzle-kit", [...words, "--config", config], { cwd: project, stdio: "pipe" });
    kit("push", "--force");
    await database.sql("DROP TABLE public.users");
    kit("generate");
    kit("migrate");
    await database.sql("SELECT name FROM public.users");
    expect(await postgresMigrationStatus({ connection: database.url })).toMatchObject({ state: "current" });
    expect((await (await open(database)).getRunSummary()).lastSeq).toBe(3);
  });
});

describe.skipIf(!hasServer)("a schema shared with another program", () => {
  test("that records its migrations in the same table is refused with that reason, too", async () => {
    const database = await freshDatabase();
    await useAll({ connection: database.url, schema: "public" });
    await database.sql("INSERT INTO public.__drizzle_migrations (hash, created_at) VALUES ('theirs', 9000000000000)");
    const error = await caught(MigrationError, () => open(database, { schema: "public" }));
    expect(error.code).toBe("SCHEMA_TOO_NEW");
    expect(error.message).toContain("another program");
  });
});

describe.skipIf(!hasServer)("a schema that is renamed", () => {
  test("works at once under its new name, triggers included; whoever has it open gets a MigrationError that says so", async () => {
    const database = await freshDatabase();
    await useAll({ connection: database.url });
    const board = await open(database);
    await board.logEvent("spawned");
    await database.sql("ALTER SCHEMA run_blackboard RENAME TO archive");
    const calls: (() => Promise<unknown>)[] = [
      () => board.logEvent("spawned"),
      () => board.getRun(),
      () => board.transaction((tx) => tx.logEvent("spawned")),
      () => board.claimBrief({ agentId: "a", leaseMs: 1000 }),
    ];
    for (const call of calls) {
      const error = await caught(MigrationError, call);
      expect(error.code).toBe("SCHEMA_MISMATCH");
      expect(error.message).toMatch(/renamed, dropped or changed/);
    }
    const { url } = database;
    expect(await postgresMigrationStatus({ connection: url })).toMatchObject({ state: "empty" });
    const pending = await caught(MigrationError, () => open({ url }, { migrate: "check" }));
    expect(pending.code).toBe("MIGRATION_PENDING");
    expect(await postgresMigrationStatus({ connection: url, schema: "archive" })).toMatchObject({ state: "current" });

    const moved = await open({ url }, { schema: "archive", migrate: "check" });
    expect((await moved.logEvent("spawned")).seq).toBe(5);
    await moved.spawnBrief({ briefId: "third", after: ["second"], ...brief });
    await moved.updateBriefStatus("second", "done");
    expect(await moved.getBrief("third")).toMatchObject({ waitsFor: 0 });
  });

  test("or dropped while it is open is never reported as current", async () => {
    const database = await freshDatabase();
    const board = await openRun(database);
    await database.sql("DROP SCHEMA run_blackboard CASCADE");
    expect((await caught(MigrationError, () => board.logEvent("spawned"))).code).toBe("SCHEMA_MISMATCH");
    expect(await postgresMigrationStatus({ connection: database.url })).toMatchObject({ state: "empty" });
  });
});

describe.skipIf(!hasServer)("a role without a privilege", () => {
  test("gets an error whose statement, run by the owner, makes the call succeed", async () => {
    const database = await freshDatabase();
    const role = `limited_${database.name}`;
    const url = await freshRole(database, role);
    const statementIn = ({ message }: Error) => /has to run (.*?)(?:, or GRANT|[.;] |$)/.exec(message)?.[1] ?? message;

    const noSchema = await caught(MigrationError, () => open({ url }));
    expect(noSchema).toMatchObject({ code: "MIGRATION_FAILED", cause: { code: "42501" } });
    expect(noSchema.message).toContain(`GRANT CREATE ON DATABASE "${database.name}" TO "${role}"`);
    expect(await schemasOf(database)).toEqual([]);
    await database.sql(statementIn(noSchema));
    await useAll({ connection: url });

    await database.sql("CREATE SCHEMA theirs");
    for (const code of ["DATABASE", "MIGRATION_FAILED"]) {
      const error = await open({ url }, { schema: "theirs" }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code });
      await database.sql(statementIn(error as Error));
    }
    await useAll({ connection: url, schema: "theirs" });

    await useAll({ connection: database.url, schema: "owned" });
    for (const _ of ["USAGE", "SELECT"]) {
      await database.sql(statementIn(await caught(DatabaseError, () => open({ url }, { schema: "owned" }))));
    }
    await (await open({ url }, { schema: "owned" })).logEvent("spawned");
  });
});

describe.skipIf(!hasServer)("the command", () => {
  test("works on the schema of --schema and names it; without --postgres it is refused", async () => {
    const database = await freshDatabase();
    const at = ["--postgres", database.url, "--schema", "team a"];
    expect(printed("migrate", ...at)).toContain("schema=team%20a");
    expect(await schemasOf(database)).toEqual(["team a"]);
    await useAll({ connection: database.url, schema: "team a" });
    expect(printed("status", ...at)).toMatch(/current.*schema=team%20a/);
    expect(printed("verify", ...at)).toContain("no problems found");
    expect(printed("runs", ...at)).toContain("run-1");
    expect(printed("summary", ...at)).toContain("a goal");
    expect(printed("fail", "run-1", "second", ...at)).toContain("failed");
    printed("copy", "run-1", ...at, "--to-schema", "team b");
    printed("copy", "run-1", ...at, "--to-postgres", database.url, "--to-schema", "team c");
    for (const schema of ["team b", "team c"]) {
      expect(printed("briefs", "run-1", "--postgres", database.url, "--schema", schema)).toContain("second");
    }
    expect(printed("prune", "--older-than", "1d", ...at)).toContain("1 kept");
    const refused = run(["runs", "--schema", "team a"]);
    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(refused.stderr).toContain("--postgres");
  });
});
