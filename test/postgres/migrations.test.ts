/** Migrations on a server: exactly once, atomic, and without touching other programs' objects. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { drizzle } from "drizzle-orm/node-postgres";
import { migrate as drizzleMigrate } from "drizzle-orm/node-postgres/migrator";
import { MigrationError } from "run-blackboard";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Migration } from "../../src/engine/history.ts";
import { migrations as known } from "../../src/postgres/embedded.postgres.ts";
import { migratePostgres, requireCurrentPostgres } from "../../src/postgres/migrate.ts";
import { connectPostgres } from "../../src/postgres/pool.ts";
import { expectedObjects } from "../../src/postgres/schema.ts";
import { caught } from "../behaviour/engine.ts";
import { edited, followedBy, inserted } from "../migrations/made-up.ts";
import { freshDatabase, freshSchema, hasServer, newClient, newPool, open, type Schema, withOption } from "./fresh.ts";
import { startProgram } from "./program.ts";

/** Opens as a build with these migrations does. */
async function openWith(url: string, migrations: readonly Migration[], how = migratePostgres): Promise<void> {
  const connection = connectPostgres({ connection: url, schema: undefined, transactionTimeoutMs: 30_000 });
  try {
    await how(connection, migrations);
  } finally {
    await connection.close();
  }
}

/** All objects of the schema, and all rows of its tables with the transactions that wrote them. */
async function contents({ sql }: Schema): Promise<unknown> {
  const objects = await sql<{ kind: string; name: string }>(
    `SELECT c.relkind::text AS kind, c.relname AS name, array_agg(a.attname || ' ' || a.atttypid::regtype ORDER BY a.attnum) AS columns
     FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relnamespace = current_schema()::regnamespace
     GROUP BY c.oid, c.relkind, c.relname ORDER BY c.relname, c.relkind`,
  );
  const functions = await sql("SELECT proname FROM pg_proc WHERE pronamespace = current_schema()::regnamespace");
  const tables = objects.filter(({ kind }) => kind === "r").map(({ name }) => name);
  const rows = tables.map((name) => sql(`SELECT xmin::text, * FROM "${name}" ORDER BY ctid`));
  return { objects, functions, rows: await Promise.all(rows) };
}

async function expectRefused(
  schema: Schema,
  migrations: readonly Migration[],
  code: MigrationError["code"],
): Promise<MigrationError> {
  const before = await contents(schema);
  await caught(MigrationError, () => openWith(schema.url, migrations, requireCurrentPostgres));
  const error = await caught(MigrationError, () => openWith(schema.url, migrations));
  expect(error.code).toBe(code);
  expect(await contents(schema)).toEqual(before);
  return error;
}

const three = followedBy(known, "CREATE TABLE three (n int)");
const four = followedBy(three, "CREATE TABLE four (n int)");

describe.skipIf(!hasServer)("a migration that fails", () => {
  const broken = "CREATE TABLE more (n int); INSERT INTO more VALUES (1);--> statement-breakpoint\nSELECT 1/0";

  test("leaves an empty schema empty, names its statement and does not prevent the next open", async () => {
    const schema = await freshSchema();
    const list = followedBy(known, broken);
    const error = await expectRefused(schema, list, "MIGRATION_FAILED");
    expect(error).toMatchObject({ migration: list.at(-1)?.tag, statement: "SELECT 1/0", cause: { code: "22012" } });
    expect(await schema.sql("SELECT 1 FROM pg_class WHERE relnamespace = current_schema()::regnamespace")).toEqual([]);
    await open(schema);
  });

  test("leaves a current schema and its rows unchanged", async () => {
    const schema = await freshSchema();
    await (await open(schema)).createRun("a goal");
    await expectRefused(schema, followedBy(known, "CREATE TABLE fine (n int)", broken), "MIGRATION_FAILED");
  });

  test("because a user's deferred key would dangle names itself and its statement, and changes nothing", async () => {
    const schema = await freshSchema();
    await (await open(schema)).createRun("a goal");
    await schema.sql(
      `CREATE TABLE notes (run text REFERENCES runs (run_id) DEFERRABLE INITIALLY DEFERRED);
       INSERT INTO notes SELECT run_id FROM runs`,
    );
    const list = followedBy(
      known,
      // Broken temporarily, then repaired.
      "INSERT INTO notes VALUES ('gone');--> statement-breakpoint\nDELETE FROM notes WHERE run = 'gone'",
      "CREATE TABLE more (n int);--> statement-breakpoint\nDELETE FROM runs;--> statement-breakpoint\nSELECT 1",
      "CREATE TABLE last (n int)",
    );
    const error = await expectRefused(schema, list, "MIGRATION_FAILED");
    expect(error).toMatchObject({
      migration: list[known.length + 1]?.tag,
      statement: "DELETE FROM runs",
      cause: { code: "23503" },
    });
    expect(error.message).toContain(list[known.length + 1]?.tag);
  });

  test("because the migrations table rejects its row names itself", async () => {
    const schema = await freshSchema();
    await open(schema);
    await schema.sql("ALTER TABLE __drizzle_migrations ADD CONSTRAINT no CHECK (id <= 4) NOT VALID");
    const error = await expectRefused(schema, followedBy(known, "CREATE TABLE more (n int)"), "MIGRATION_FAILED");
    expect(error).toMatchObject({
      migration: expect.stringMatching(/_made_up$/),
      statement: expect.stringMatching(/^INSERT INTO "\w+"\.__drizzle_migrations/),
      cause: { code: "23514" },
    });
  });

  test.each(["COMMIT", "rollback", "BEGIN; SELECT 1", "SAVEPOINT s"])(
    "because it would end the transaction is rejected before anything is applied: %s",
    async (sql) => {
      const list = followedBy(known, `CREATE TABLE more (n int);--> statement-breakpoint\n${sql};`);
      await expectRefused(await freshSchema(), list, "MIGRATION_FAILED");
    },
  );

  test("because its process was killed leaves nothing, and the next open applies all of it", async () => {
    const schema = await freshSchema();
    const gate = await newClient(schema.url);
    await gate.query("SELECT pg_advisory_lock(4711)");
    const program = startProgram("migrate", JSON.stringify(followedBy(known, "SELECT pg_advisory_lock(4711)")));
    await program.line("ready");
    program.say(withOption(schema.url, "application_name=killed"));
    const sessions = () => schema.sql("SELECT wait_event FROM pg_stat_activity WHERE application_name = 'killed'");
    await expect.poll(sessions, { timeout: 60_000 }).toEqual([{ wait_event: "advisory" }]);
    program.kill();
    expect((await program.ended).signal).toBe("SIGKILL");
    await gate.query("SELECT pg_advisory_unlock(4711)");
    await expect.poll(sessions, { timeout: 60_000 }).toEqual([]);
    expect(await contents(schema)).toEqual({ objects: [], functions: [], rows: [] });
    await open(schema);
    expect(await schema.sql("SELECT hash FROM __drizzle_migrations ORDER BY id")).toEqual(
      known.map(({ hash }) => ({ hash })),
    );
  });
});

describe.skipIf(!hasServer)(
  "a build that opens a schema of a different age or history writes nothing and reports why:",
  () => {
    const refusals: [MigrationError["code"], readonly Migration[], readonly Migration[]][] = [
      ["SCHEMA_TOO_NEW", four, three],
      ["MIGRATION_EDITED", four, edited(four, 1)],
      ["UNKNOWN_MIGRATION", inserted(known, 1, "CREATE TABLE merged (n int)"), known],
      ["MIGRATION_OUT_OF_ORDER", known, inserted(known, 1, "CREATE TABLE merged (n int)")],
    ];
    test.each(refusals)("%s", async (code, applied, mine) => {
      const schema = await freshSchema();
      await openWith(schema.url, applied);
      await expectRefused(schema, mine, code);
    });

    test("an older schema is migrated once and keeps its rows", async () => {
      const schema = await freshSchema();
      await openWith(schema.url, known.slice(0, 2));
      await schema.sql("INSERT INTO runs (run_id, goal, created_at, updated_at) VALUES ('run-1', 'old', '', '')");
      expect((await (await open(schema)).getRun())?.goal).toBe("old");
    });

    const losses: [sql: string, difference: string][] = [
      ["DROP TABLE workstreams CASCADE", "workstreams: is missing"],
      ["DROP VIEW tallies", "tallies: is missing"],
      ["ALTER TABLE briefs DROP COLUMN tier", "briefs: lacks column tier"],
      ["ALTER TABLE runs RENAME COLUMN goal TO aim", "runs: lacks column goal"],
      ["ALTER TABLE workstreams RENAME TO streams", "workstreams: is missing"],
      ["DROP INDEX briefs_ready_by_role", "briefs: index briefs_ready_by_role is missing"],
      [
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'briefs_by_age'::regclass",
        "briefs: index briefs_by_age is invalid",
      ],
      [
        "ALTER TABLE briefs DROP CONSTRAINT briefs_run_id_brief_id_pk",
        "briefs: constraint briefs_run_id_brief_id_pk is missing",
      ],
      ["ALTER TABLE runs DROP CONSTRAINT runs_pkey CASCADE", "runs: constraint runs_pkey is missing"],
      [
        "ALTER TABLE events DROP CONSTRAINT events_run_id_event_id_unique",
        "events: constraint events_run_id_event_id_unique is missing",
      ],
      [
        "ALTER TABLE workstreams DROP CONSTRAINT workstreams_run_id_runs_run_id_fk",
        "workstreams: constraint workstreams_run_id_runs_run_id_fk is missing",
      ],
      ["DROP TRIGGER events_seq ON events", "events: trigger events_seq is missing"],
      ["ALTER TABLE events DISABLE TRIGGER events_seq", "events: trigger events_seq is disabled"],
      ["DROP FUNCTION run_blackboard_next_seq CASCADE", "function run_blackboard_next_seq is missing"],
      [
        "CREATE OR REPLACE FUNCTION run_blackboard_next_seq() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "function run_blackboard_next_seq differs from the one that the migrations create",
      ],
      [
        "CREATE TABLE copied AS SELECT * FROM tallies; DROP VIEW tallies; ALTER TABLE copied RENAME TO tallies",
        "tallies: is not a view",
      ],
    ];
    test.each(losses)("a schema that lost an applied object throws SCHEMA_MISMATCH: %s", async (loss, difference) => {
      const schema = await freshSchema();
      await openWith(schema.url, known);
      await schema.sql(loss);
      const { differences, message } = await expectRefused(schema, known, "SCHEMA_MISMATCH");
      expect(differences).toContain(difference);
      expect(message).toContain("differs from the one that its migrations created");
    });

    test("a schema with users' columns, indexes, triggers, constraints and views is current", async () => {
      const schema = await freshSchema();
      await openWith(schema.url, known);
      await schema.sql(`
        ALTER TABLE briefs ADD COLUMN mine text; CREATE INDEX mine ON briefs (mine);
        ALTER TABLE runs ADD CONSTRAINT goal_is_short CHECK (length(goal) < 1000);
        CREATE VIEW failed AS SELECT * FROM briefs WHERE status = 'failed';
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER note AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION note()`);
      await openWith(schema.url, known, requireCurrentPostgres);
      await (await open(schema)).createRun("a goal");
    });
  },
);

describe.skipIf(!hasServer)("an object of another program", () => {
  test.each([
    "CREATE TABLE runs (run_id text, colour text)",
    "CREATE TABLE runs (run_id text PRIMARY KEY, goal text, status text, created_at text, updated_at text)",
    "CREATE VIEW briefs AS SELECT 1 AS brief_id",
    "CREATE MATERIALIZED VIEW workstreams AS SELECT 1 AS tier",
    "CREATE SEQUENCE events",
    "CREATE TABLE tallies (n int)",
    "CREATE TABLE other (n int); CREATE INDEX event_counters ON other (n)",
  ])("with one of the package's names is rejected and left unchanged: %s", async (sql) => {
    const schema = await freshSchema();
    await schema.sql(sql);
    const { differences, message } = await expectRefused(schema, known, "SCHEMA_MISMATCH");
    expect(differences).toContainEqual(expect.stringContaining("has no record of migrations"));
    expect(message).toContain("`schema`");
  });

  test("is left unchanged next to the package's, even if the names differ only in case", async () => {
    const schema = await freshSchema();
    await schema.sql(
      `CREATE TABLE "Runs" (n int); INSERT INTO "Runs" VALUES (1); CREATE VIEW "BRIEFS" AS SELECT * FROM "Runs";
       CREATE TABLE notes (n int); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
    );
    const theirs = () =>
      schema.sql(`SELECT xmin::text, n, (SELECT n FROM "BRIEFS"), f(), (SELECT count(*) FROM notes) FROM "Runs"`);
    const before = await theirs();
    await (await open(schema)).createRun("a goal");
    expect(await theirs()).toEqual(before);
  });

  test("that records another program's migrations is rejected, not shared", async () => {
    const schema = await freshSchema();
    await schema.sql(
      "CREATE TABLE __drizzle_migrations (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint); INSERT INTO __drizzle_migrations (hash, created_at) VALUES ('x', 1)",
    );
    await expectRefused(schema, known, "NOT_A_BLACKBOARD");
  });
});

describe.skipIf(!hasServer)("opening without the right or the option to migrate", () => {
  async function roleUrl({ name, url, sql }: Schema): Promise<string> {
    const role = `reader_${name}`;
    await sql(`CREATE ROLE ${role} LOGIN; GRANT USAGE ON SCHEMA ${name} TO ${role}`);
    onTestFinished(async () => {
      await sql(`DROP OWNED BY ${role}`);
      await sql(`DROP ROLE ${role}`);
    });
    const asRole = new URL(url);
    asRole.username = role;
    return asRole.href;
  }

  test("a role without CREATE opens a current schema and works in it", async () => {
    const schema = await freshSchema();
    await open(schema);
    const url = await roleUrl(schema);
    const all = `ALL TABLES IN SCHEMA ${schema.name} TO reader_${schema.name}`;
    await schema.sql(`GRANT SELECT, INSERT, UPDATE ON ${all}`);
    const board = await open({ url });
    await board.createRun("a goal");
    await board.transaction((tx) => tx.logEvent("spawned"));
    expect((await board.getRunSummary()).lastSeq).toBe(1);
  });

  test("a role without CREATE gets an error that names the missing right if migrations are pending, and leaves nothing", async () => {
    const schema = await freshSchema();
    const url = await roleUrl(schema);
    const error = await caught(MigrationError, () => open({ url }));
    expect(error).toMatchObject({ code: "MIGRATION_FAILED", cause: { code: "42501" } });
    expect(await contents(schema)).toEqual({ objects: [], functions: [], rows: [] });
  });

  test('migrate: "check" opens a current schema and throws MIGRATION_PENDING otherwise', async () => {
    const schema = await freshSchema();
    for (const applied of [0, 1]) {
      if (applied > 0) await openWith(schema.url, known.slice(0, applied));
      const before = await contents(schema);
      const error = await caught(MigrationError, () => open(schema, { migrate: "check" }));
      expect(error).toMatchObject({ code: "MIGRATION_PENDING", migration: known[applied]?.tag });
      for (const { tag } of known.slice(applied)) expect(error.message).toContain(tag);
      expect(await contents(schema)).toEqual(before);
    }
    await open(schema);
    await (await open(schema, { migrate: "check" })).createRun("a goal");
  });
});

describe.skipIf(!hasServer)("the Drizzle definitions", () => {
  test("create the same columns, indexes and constraints as the migrations", async () => {
    const [defined, migrated] = [await freshSchema(), await freshSchema()];
    const words = ["export", "--config", "drizzle.postgres.config.ts"];
    const project = fileURLToPath(new URL("../..", import.meta.url));
    const sql = execFileSync("node_modules/.bin/drizzle-kit", words, { cwd: project, encoding: "utf8", stdio: "pipe" });
    // drizzle-kit has no collations: the migrations create them by hand.
    for (const [, index] of sql.matchAll(/COLLATE "run_blackboard"\."(\w+)"/g))
      await defined.sql(`CREATE COLLATION ${index} (LOCALE = 'C')`);
    await defined.sql(sql.replaceAll('"run_blackboard".', `"${defined.name}".`));
    await open(migrated);
    const made = async ({ name, sql }: Schema) => {
      const within = `relnamespace = '${name}'::regnamespace AND relname <> '__drizzle_migrations'`;
      const columns = await sql(
        `SELECT relname, attname, format_type(atttypid, atttypmod), attnotnull, attcollation::regcollation::text,
           pg_get_expr(adbin, adrelid)
         FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
         WHERE relkind = 'r' AND attnum > 0 AND ${within} ORDER BY 1, 2`,
      );
      const more = await sql<{ text: string }>(
        `SELECT pg_get_indexdef(indexrelid) AS text FROM pg_index JOIN pg_class ON indrelid = pg_class.oid WHERE ${within}
         UNION ALL SELECT conname || ' ' || pg_get_constraintdef(pg_constraint.oid) FROM pg_constraint
           JOIN pg_class ON conrelid = pg_class.oid WHERE ${within} ORDER BY 1`,
      );
      return { columns, more: more.map(({ text }) => text.replaceAll(`${name}.`, "")) };
    };
    expect(await made(migrated)).toEqual(await made(defined));
  });
});

describe.skipIf(!hasServer)("the objects checked by every open", () => {
  test("are each table, view, index, constraint, trigger and function that the migrations create", async () => {
    const schema = await freshSchema();
    await open(schema);
    const made = await schema.sql<{ made: string }>(
      `WITH c AS (SELECT * FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relname NOT LIKE '\\_\\_drizzle%')
       SELECT CASE relkind WHEN 'v' THEN 'view ' ELSE 'table ' END || relname AS made FROM c WHERE relkind IN ('r', 'v')
       UNION SELECT 'index ' || relname FROM c JOIN pg_index ON indexrelid = c.oid
         WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = c.oid AND contype <> 'f')
       UNION SELECT 'constraint ' || conname FROM c JOIN pg_constraint ON conrelid = c.oid WHERE contype <> 'n'
       UNION SELECT 'trigger ' || tgname FROM c JOIN pg_trigger ON tgrelid = c.oid WHERE NOT tgisinternal
       UNION SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = current_schema()::regnamespace`,
    );
    const expected = expectedObjects.map(({ type, name }) => `${type} ${name}`);
    expect(made.map((row) => row.made).sort()).toEqual(expected.sort());
  });
});

describe.skipIf(!hasServer)("drizzle's own migrate()", () => {
  const migrationsFolder = fileURLToPath(new URL("../../migrations/postgres", import.meta.url));

  test("and the package recognize each other's applied migrations", async () => {
    const [theirs, mine] = [await freshDatabase(), await freshDatabase()];
    const migrate = ({ url }: Schema) =>
      drizzleMigrate(drizzle(newPool(url)), { migrationsFolder, migrationsSchema: "run_blackboard" });
    const rows = ({ sql }: Schema) => sql("SELECT * FROM run_blackboard.__drizzle_migrations ORDER BY id");
    await migrate(theirs);
    const before = await rows(theirs);
    await (await open(theirs)).createRun("a goal");
    expect(await rows(theirs)).toEqual(before);

    await open(mine);
    await migrate(mine);
    expect(await rows(mine)).toEqual(before);
  });
});
