/** The role that the printed grants are for: everything works but migrating, and deleting runs only where it was asked for. */
import { spawnSync } from "node:child_process";
import pg from "pg";
import { DatabaseError, InvalidInputError, MigrationError } from "run-blackboard";
import {
  copyRun,
  migratePostgresBlackboard,
  openPostgresBlackboard,
  type PostgresGrantOptions,
  postgresGrants,
  postgresRun,
  prunePostgresRuns,
  verifyPostgresBlackboard,
} from "run-blackboard/postgres";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { migrations } from "../../src/postgres/embedded.postgres.ts";
import { migratePostgres } from "../../src/postgres/migrate.ts";
import { connectPostgres } from "../../src/postgres/pool.ts";
import { claims } from "../behaviour/claims.ts";
import { dependencies } from "../behaviour/dependencies.ts";
import { caught } from "../behaviour/engine.ts";
import { inspection } from "../behaviour/inspection.ts";
import { lifecycle } from "../behaviour/lifecycle.ts";
import { lists } from "../behaviour/lists.ts";
import { queue } from "../behaviour/queue.ts";
import { runs } from "../behaviour/runs.ts";
import { transactions } from "../behaviour/transactions.ts";
import { workstreams } from "../behaviour/workstreams.ts";
import { printed, run } from "../cli/command.ts";
import { readPage } from "../documentation.ts";
import { freshDatabase, freshRole, hasServer, open, openRun, type Schema, serverUrl } from "./fresh.ts";
import { emptySchema } from "./reused.ts";

const brief = { tier: 0, role: "coder" };
const as = (url: string, username: string) => Object.assign(new URL(url), { username }).href;

describe.skipIf(!hasServer)("a role with the printed grants", () => {
  const role = `app_${process.pid}`;
  let admin: pg.Client;
  beforeAll(async () => {
    admin = new pg.Client({ connectionString: await serverUrl() });
    await admin.connect();
    await admin.query(`CREATE ROLE ${role} LOGIN`);
  });
  afterAll(async () => {
    await admin.query(`DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`);
    await admin.end();
  });

  const engine = {
    name: "",
    async place() {
      const { url, name, sql } = await emptySchema();
      await migratePostgresBlackboard({ connection: url });
      await sql(postgresGrants({ role, schema: name }));
      return {
        open: (options: { runId: string }) => open({ url: as(url, role) }, options),
        sql: (text: string) => sql(text),
      };
    },
  };
  runs(engine);
  workstreams(engine);
  lifecycle(engine);
  claims(engine);
  queue(engine);
  dependencies(engine);
  lists(engine);
  inspection(engine);
  transactions(engine);
});

/** A database whose owner has migrated the schema, and a role that may log in. */
async function owned(options: Partial<PostgresGrantOptions> = {}) {
  const database = await freshDatabase();
  const role = `app_${database.name}`;
  const url = await freshRole(database, role);
  await migratePostgresBlackboard({ connection: database.url, schema: options.schema });
  await database.sql(postgresGrants({ role, ...options }));
  return { database, role, url };
}

async function privilegesOf({ sql }: Pick<Schema, "sql">, role: string): Promise<Record<string, string>> {
  const rows = await sql<{ name: string; privileges: string }>(
    `SELECT relname AS name, string_agg(privilege_type, ' ' ORDER BY privilege_type) AS privileges
     FROM pg_class, aclexplode(relacl) WHERE grantee = (SELECT oid FROM pg_roles WHERE rolname = $1) GROUP BY 1`,
    [role],
  );
  return Object.fromEntries(rows.map(({ name, privileges }) => [name, privileges]));
}

const least = {
  __drizzle_migrations: "SELECT",
  tallies: "SELECT",
  runs: "INSERT SELECT UPDATE",
  workstreams: "INSERT SELECT UPDATE",
  briefs: "INSERT SELECT UPDATE",
  event_counters: "INSERT SELECT UPDATE",
  dependencies: "INSERT SELECT",
  events: "INSERT SELECT",
};

describe.skipIf(!hasServer)("the grants", () => {
  test("are these, also when they are run again: only reading migrations, no deleting without prune", async () => {
    const { database, role } = await owned();
    expect(await privilegesOf(database, role)).toEqual(least);
    await database.sql(postgresGrants({ role }));
    expect(await privilegesOf(database, role)).toEqual(least);
    await database.sql(postgresGrants({ role, prune: true }));
    const tables = Object.entries(least).filter(([, privileges]) => privileges.includes("INSERT"));
    const more = Object.fromEntries(tables.map(([name, privileges]) => [name, `DELETE ${privileges}`]));
    expect(await privilegesOf(database, role)).toEqual({ ...least, ...more });
  });

  test("are enough to copy a run in and out, to verify and to repair", async () => {
    const { url } = await owned();
    const board = await openRun({ url });
    await board.spawnBrief({ briefId: "a", ...brief });
    await board.spawnBrief({ briefId: "b", after: ["a"], ...brief });
    await copyRun(postgresRun({ connection: url, runId: "run-1" }), postgresRun({ connection: url, runId: "copied" }));
    await board.drizzle.execute("UPDATE run_blackboard.briefs SET waits_for = 7 WHERE brief_id = 'b'");
    const verified = await verifyPostgresBlackboard({ connection: url, repair: true });
    expect(verified).toMatchObject({ problems: [], repaired: [{ kind: "queue" }, { kind: "queue" }] });
  });

  test("let the role open a current schema with migrate: auto, and not migrate an older one", async () => {
    const { database, url, role } = await owned();
    const board = await openPostgresBlackboard({ runId: "run-1", connection: url, migrate: "auto" });
    onTestFinished(() => board.close());
    expect(await board.createRun("a goal")).toMatchObject({ runId: "run-1" });

    await database.sql("DROP SCHEMA run_blackboard CASCADE");
    const owner = connectPostgres({
      connection: database.url,
      schema: undefined,
      transactionTimeoutMs: 30_000,
    });
    await migratePostgres(owner, migrations.slice(0, 3)).finally(() => owner.close());
    await database.sql(
      `GRANT USAGE ON SCHEMA run_blackboard TO ${role}; GRANT SELECT ON ALL TABLES IN SCHEMA run_blackboard TO ${role}`,
    );
    const error = await caught(MigrationError, () => open({ url }, { migrate: "auto" }));
    expect(error.code).toBe("MIGRATION_FAILED");
  });

  test("let the role delete runs only with prune", async () => {
    const { database, url, role } = await owned();
    const board = await openRun({ url });
    await board.spawnBrief({ briefId: "a", ...brief });
    await board.spawnBrief({ briefId: "b", after: ["a"], ...brief });
    await board.updateRunStatus("done");
    const prune = () =>
      prunePostgresRuns({ connection: url, olderThanMs: 0, clock: () => new Date(Date.now() + 60_000) });
    const error = await caught(DatabaseError, prune);
    expect(error.message).toContain("permission denied");
    expect(await board.getRun()).toMatchObject({ status: "done" });
    await database.sql(postgresGrants({ role, prune: true }));
    expect(await prune()).toMatchObject([{ runId: "run-1", outcome: "deleted" }]);
    expect(await board.getRun()).toBeUndefined();
  });

  test.each([
    "it's",
    'a "quoted"; DROP SCHEMA run_blackboard CASCADE; --',
    "Größer als",
    "back\\slash \\! echo",
    "two\nlines\t\u001b[31m\u202e",
    ":'variable'",
    "$$ $(id) $1",
    "a.b",
  ])(
    "name any role and schema as PostgreSQL stores them, without characters that control a terminal: %j",
    async (name) => {
      const database = await freshDatabase();
      const role = `${name} ${database.name}`;
      const quoted = `"${role.replaceAll('"', '""')}"`;
      const url = as(await freshRole(database, quoted), encodeURIComponent(role));
      await migratePostgresBlackboard({ connection: database.url, schema: name });
      const sql = postgresGrants({ role, schema: name });
      expect(sql).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}]/u);
      const { hostname, pathname, searchParams, username } = new URL(database.url);
      const words = ["-h", searchParams.get("host") ?? hostname, "-U", username, "-d", pathname.slice(1), "-qX"];
      expect(spawnSync("psql", words, { input: sql, encoding: "utf8" })).toMatchObject({
        stderr: "",
        stdout: "",
        status: 0,
      });
      expect(await privilegesOf(database, role)).toEqual(least);
      expect(await openRun({ url }, { schema: name })).toMatchObject({ runId: "run-1" });
    },
  );

  test("change nothing if one of them fails", async () => {
    const { database, role } = await owned();
    await database.sql(`REVOKE ALL ON ALL TABLES IN SCHEMA run_blackboard FROM ${role}`);
    await database.sql("ALTER TABLE run_blackboard.events RENAME TO elsewhere");
    await expect(database.sql(postgresGrants({ role }))).rejects.toThrow("does not exist");
    await database.sql("ROLLBACK");
    expect(await privilegesOf(database, role)).toEqual({});
  });

  test.each([
    [{ role: "" }, "role"],
    [{ role: "public" }, "role"],
    [{ role: "x".repeat(64) }, "role"],
    [{ role: "postgresql://app:secret@db/agents" }, "role"],
    [{ role: "app", schema: "pg_catalog" }, "schema"],
  ])("are refused for %j", async (options, path) => {
    const error = await caught(InvalidInputError, () => postgresGrants(options));
    expect(error.issues).toMatchObject([{ path }]);
    expect(error.message).not.toContain("secret");
  });

  test("are those that docs/postgres.md shows", () => {
    expect(readPage("docs/postgres.md")).toContain(postgresGrants({ role: "app" }));
  });

  test("are printed by the command without a database", () => {
    const sql = postgresGrants({ role: "my app", schema: "team a", prune: true });
    const words = ["grants", "--role", "my app", "--schema", "team a", "--prune"];
    expect(printed(...words)).toBe(sql);
    expect(JSON.parse(printed(...words, "--json"))).toEqual({ sql });
    expect(run(["grants"])).toMatchObject({ code: 2 });
    expect(run(["grants", "--role", "public"])).toMatchObject({ code: 2 });
  });
});
