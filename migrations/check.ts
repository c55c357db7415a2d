/**
 * Checks the migrations before they are committed; `migrations/README.md` explains each check. Prints one line per problem and
 * exits with 1 if there is any. With `--write`, updates the schema dump.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { defaultSchema } from "../drizzle/schema.postgres.ts";
import type { Migration } from "../src/engine/history.ts";
import { type Dialect, refuseForbidden, statementsOf } from "../src/engine/statements.ts";
import { migrations as postgresMigrations } from "../src/postgres/embedded.postgres.ts";
import { migrations } from "../src/sqlite/migrations/embedded.sqlite.ts";
import { differences, isTable, readObjects, replay, type SchemaObject } from "../src/sqlite/migrations/schema.ts";

const project = fileURLToPath(new URL("..", import.meta.url));
const dump = join(project, "migrations/schema.sqlite.sql");
const problems: string[] = [];
const problem = (text: string) => problems.push(text);

interface Engine {
  name: Dialect;
  dialect: string;
  config: string;
  schema: string;
  migrations: readonly Migration[];
}
const engines: readonly Engine[] = [
  { name: "sqlite", dialect: "sqlite", config: "drizzle.config.ts", schema: "drizzle/schema.ts", migrations },
  {
    name: "postgres",
    dialect: "postgresql",
    config: "drizzle.postgres.config.ts",
    schema: "drizzle/schema.postgres.ts",
    migrations: postgresMigrations,
  },
];

const checks: readonly (() => void)[] = [
  embedded,
  ...engines.flatMap((engine) =>
    [drizzleKit, folderAndJournal, released, forbidden].map((check) => () => check(engine)),
  ),
  history,
  drift,
  reference,
  schemaNames,
  schemaDump,
];
for (const check of checks) {
  try {
    check();
  } catch (error) {
    // For example, SQL that fails: the remaining checks still run.
    problem(error instanceof Error ? error.message : String(error));
  }
}

if (problems.length > 0) {
  console.error(problems.map((text) => `✗ ${text}`).join("\n"));
  process.exitCode = 1;
} else {
  for (const { name, migrations } of engines)
    console.log(`${name} holds: ${migrations.map(({ tag }) => tag).join(", ")}`);
}

function folderOf({ name }: Engine): string {
  return join(project, "migrations", name);
}

function runDrizzleKit(...words: string[]): string {
  return execFileSync(join(project, "node_modules/.bin/drizzle-kit"), words, {
    cwd: project,
    encoding: "utf8",
    stdio: "pipe",
  });
}

/** Runs drizzle-kit's check, and `generate` on a copy, whose output must say "No schema changes": its exit code is always 0. */
function drizzleKit(engine: Engine): void {
  const { config, dialect, schema } = engine;
  runDrizzleKit("check", "--config", config);
  const copy = mkdtempSync(join(project, "node_modules/.migrations-"));
  try {
    cpSync(folderOf(engine), copy, { recursive: true });
    const target = ["--schema", schema, "--out", relative(project, copy)];
    const out = runDrizzleKit("generate", "--dialect", dialect, ...target);
    if (!out.includes("No schema changes"))
      problem(`${schema} has changes without a migration: run npm run db:generate`);
  } finally {
    rmSync(copy, { recursive: true });
  }
}

function embedded(): void {
  try {
    execFileSync(process.execPath, ["--import", "tsx", "migrations/embed.ts", "--check"], {
      cwd: project,
      stdio: "pipe",
    });
  } catch {
    problem("embedded.*.ts differ from the folders: run npm run db:embed");
  }
}

/** Checks that journal and SQL files match and that times increase: Drizzle silently skips a migration with an earlier time. */
function folderAndJournal(engine: Engine): void {
  const folder = folderOf(engine);
  const journal: { entries: { tag: string; when: number; idx: number }[] } = JSON.parse(
    readFileSync(join(folder, "meta/_journal.json"), "utf8"),
  );
  const files = new Set(readdirSync(folder).filter((name) => name.endsWith(".sql")));
  const place = `migrations/${engine.name}`;
  for (const [index, { tag, when, idx }] of journal.entries.entries()) {
    if (!files.delete(`${tag}.sql`)) problem(`${place}/${tag}.sql is in the journal but not in the folder`);
    if (idx !== index || !tag.startsWith(`${String(index).padStart(4, "0")}_`)) {
      problem(`${place}: ${tag} is number ${index} in the journal`);
    }
    const before = journal.entries[index - 1];
    if (before && before.when >= when) {
      problem(`${place}: ${tag} is not later than ${before.tag}: delete it and generate it again`);
    }
  }
  for (const file of files) problem(`${place}/${file} is in the folder but not in the journal`);
}

/** Checks that released migrations are unchanged, by the hashes in released.json: they are applied in existing files. */
function released({ name, migrations }: Engine): void {
  const hashes: Record<string, Record<string, string>> = JSON.parse(
    readFileSync(join(project, "migrations/released.json"), "utf8"),
  );
  for (const [tag, hash] of Object.entries(hashes[name] ?? {})) {
    const migration = migrations.find((one) => one.tag === tag);
    if (!migration) problem(`${name}: ${tag} is released but missing`);
    else if (migration.hash !== hash) {
      problem(`${name}: ${tag} is released but was changed: restore it and add a new migration`);
    }
  }
}

function forbidden({ name, migrations }: Engine): void {
  refuseForbidden(migrations, `migrations/${name}`, name);
}

/**
 * Checks that every statement names the default schema, which is replaced by the one that is used. In quotes and comments the name
 * would not be quoted for its place: a schema may have any name.
 */
function schemaNames(): void {
  const own = `"${defaultSchema}".`;
  for (const migration of postgresMigrations) {
    const { tag, sql } = migration;
    const place = `migrations/postgres/${tag}.sql`;
    if (/"?public"?\./.test(sql)) problem(`${place} names the schema public: write ${own}`);
    const hidden = sql.match(/--(?!> statement-breakpoint)[^\n]*|\$\$.*?\$\$|'[^']*'/gs) ?? [];
    if (hidden.some((text) => text.includes(own))) problem(`${place} names the schema in quotes or in a comment`);
    for (const statement of statementsOf(migration, "postgres")) {
      if (!statement.includes(own)) problem(`${place} names no schema in: ${statement.slice(0, 60)}`);
    }
  }
}

/** Checks each migration: it adds no column that makes existing INSERTs fail, and a rebuild drops no index or trigger. */
function history(): void {
  for (const [index, migration] of migrations.entries()) {
    const before = replay(migrations.slice(0, index));
    const after = replay(migrations.slice(0, index + 1));
    const dropped = new Set(statementsOf(migration).flatMap(droppedBy));
    const still = new Set(readObjects(after).map(named));
    for (const object of readObjects(before)) {
      if (!still.has(named(object)) && !dropped.has(object.name)) {
        problem(
          `${migration.tag} loses ${object.type} ${object.name} in a rebuild: recreate it after the rebuild, or drop it by name`,
        );
      }
    }
    if (index > 0) newColumns(migration, before, after);
    before.close();
    after.close();
  }
}

function named({ type, name }: SchemaObject): string {
  return `${type} ${name}`;
}

function droppedBy(statement: string): string[] {
  const match = /^DROP\s+(?:TABLE|INDEX|TRIGGER|VIEW)\s+(?:IF\s+EXISTS\s+)?[`"[]?(\w+)/i.exec(statement);
  return match?.[1] === undefined ? [] : [match[1]];
}

function newColumns({ tag }: Migration, before: Database.Database, after: Database.Database): void {
  for (const { name: table } of readObjects(before).filter(isTable)) {
    const required = new Set(
      columnsOf(before, table)
        .filter(({ notnull, pk }) => notnull || pk)
        .map(({ name }) => name),
    );
    for (const { name, notnull, dflt_value, pk } of columnsOf(after, table)) {
      if (!required.has(name) && notnull && dflt_value === null && !pk) {
        problem(
          `${tag} makes ${table}.${name} NOT NULL without a default: the reference's INSERTs, which omit it, would fail`,
        );
      }
    }
  }
}

function columnsOf(client: Database.Database, table: string) {
  return client
    .prepare<[string], { name: string; type: string; notnull: number; dflt_value: string | null; pk: number }>(
      "SELECT * FROM pragma_table_info(?)",
    )
    .all(table);
}

/** Checks that the definitions and the migrations create the same tables and indexes. */
function drift(): void {
  const defined = new Database(":memory:");
  const text = execFileSync(join(project, "node_modules/.bin/drizzle-kit"), ["export"], {
    cwd: project,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  defined.exec(text);
  const migrated = replay(migrations);
  const place = "migrations/sqlite and drizzle/schema.ts differ:";
  const found = readObjects(migrated);
  const expected = readObjects(defined);
  const tables = expected.filter(isTable).map(({ name }) => name);
  for (const line of differences(migrated, defined, tables)) {
    // Drizzle cannot declare WITHOUT ROWID.
    if (!/ kind table( WITHOUT ROWID)?$/.test(line)) problem(`${place} ${line}`);
  }
  const made = new Set(found.map(({ sql }) => sql));
  for (const { type, sql } of expected) {
    if (type === "index" && !made.has(sql)) problem(`${place} no migration creates ${sql}`);
  }
  const known = new Set(expected.map(named));
  for (const object of found) {
    const isDefined = object.type === "trigger" || object.sql === null || known.has(named(object));
    if (!isDefined) problem(`${place} only the migrations create ${named(object)}`);
  }
}

/** Checks that the reference's tables and columns keep their names and types, since it keeps writing. Tests run its statements. */
function reference(): void {
  const first = replay(migrations.slice(0, 1));
  const last = replay(migrations);
  for (const { name: table } of readObjects(first).filter(isTable)) {
    const types = new Map(columnsOf(last, table).map(({ name, type }) => [name, type.toUpperCase()]));
    for (const { name, type } of columnsOf(first, table)) {
      if (!types.has(name)) problem(`${table}.${name} of the reference is dropped or renamed`);
      else if (types.get(name) !== type.toUpperCase())
        problem(`${table}.${name} of the reference has a different type`);
    }
  }
}

/** Writes or compares the dump of the schema, which is what reviewers read. */
function schemaDump(): void {
  const objects = readObjects(replay(migrations)).filter(({ sql }) => sql !== null);
  const text =
    `-- A fresh file's schema. Made from migrations/sqlite by npm run db:check -- --write. Do not edit.\n\n` +
    `${objects.map(({ sql }) => `${sql};\n`).join("\n")}`;
  if (process.argv.includes("--write")) writeFileSync(dump, text);
  else if (readFileSync(dump, "utf8") !== text)
    problem("migrations/schema.sqlite.sql is not current: run npm run db:check -- --write");
}
