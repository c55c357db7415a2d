/**
 * The commands for adding a migration, run in a copy of the project: generated migrations pass the check, and each
 * problem is reported with its place.
 */
import { spawnSync } from "node:child_process";
import { appendFileSync, cpSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { project } from "../package/installed.ts";
import { temporaryFolder } from "../processes/folder.ts";

function copyOfProject() {
  const folder = join(temporaryFolder(), "project");
  const parts = ["drizzle", "migrations", "src", "package.json", "tsconfig.json"];
  for (const part of [...parts, "drizzle.config.ts", "drizzle.postgres.config.ts"]) {
    cpSync(join(project, part), join(folder, part), { recursive: true });
  }
  symlinkSync(join(project, "node_modules"), join(folder, "node_modules"));
  const edit = (path: string, change: (text: string) => string) => {
    const file = join(folder, path);
    writeFileSync(file, change(readFileSync(file, "utf8")));
  };
  return {
    edit,
    append: (path: string, text: string) => appendFileSync(join(folder, path), text),
    run(...words: string[]) {
      const [script = "", ...rest] = words;
      const command = ["--import", import.meta.resolve("tsx"), `migrations/${script}.ts`, ...rest];
      const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: folder, encoding: "utf8" });
      return { status, stdout, lines: stderr.trim().split("\n") };
    },
  };
}

const breakpoint = "\n--> statement-breakpoint\n";
const addColumn = (text: string) => text.replace(/^ *status: /m, (status) => `  remark: text("remark"),\n${status}`);

test("db:generate creates a valid migration for both engines; db:check reports every invalid one", () => {
  const { edit, append, run } = copyOfProject();
  edit("drizzle/schema.ts", addColumn);
  edit("drizzle/schema.postgres.ts", addColumn);
  const generated = run("generate", "--name", "made_up");
  expect(generated.stdout).toMatch(/sqlite holds: .*\d_made_up\npostgres holds: .*\d_made_up\n/);
  const tag = /sqlite holds: .*(\d{4}_made_up)/.exec(generated.stdout)?.[1] ?? "";
  const first = JSON.parse(readFileSync(join(project, "migrations/sqlite/meta/_journal.json"), "utf8")).entries[0];

  append(
    `migrations/sqlite/${tag}.sql`,
    [
      "",
      "CREATE TABLE `unknown` (n)",
      "PRAGMA synchronous = OFF",
      "CREATE TABLE `__new_events` (`seq` integer PRIMARY KEY AUTOINCREMENT NOT NULL, `event_id` integer NOT NULL, " +
        "`run_id` text NOT NULL, `kind` text NOT NULL, `created_at` text NOT NULL, `more` text NOT NULL)",
      "DROP TABLE `events`",
      "ALTER TABLE `__new_events` RENAME TO `events`",
    ].join(breakpoint),
  );
  append("migrations/postgres/0000_blackboard.sql", `${breakpoint}ALTER TABLE "public"."runs" ADD COLUMN more text;`);
  append("migrations/postgres/0009_orphan.sql", "SELECT 1;");
  const inJournal = new RegExp(`("when": )\\d+(,\\s*"tag": "${tag}")`);
  edit("migrations/sqlite/meta/_journal.json", (text) => text.replace(inJournal, `$1${first.when}$2`));
  edit("migrations/released.json", () =>
    JSON.stringify({ sqlite: { "0000_reference": "other" }, postgres: { "0000_gone": "x" } }),
  );
  edit("drizzle/schema.postgres.ts", (text) => text.replace('text("remark"),', '$& more: text("more"),'));
  expect(run("embed", "--check").lines.join("\n")).toContain("does not match migrations/sqlite");

  run("embed");
  const { status, lines } = run("check");
  expect(status).toBe(1);
  for (const problem of [
    /drizzle\/schema\.postgres\.ts has changes without a migration/,
    /sqlite: \d{4}_made_up is not later than /,
    /postgres\/0009_orphan\.sql is in the folder but not in the journal/,
    /sqlite: 0000_reference is released but was changed/,
    /postgres: 0000_gone is released but missing/,
    /_made_up contains "PRAGMA synchronous = OFF"/,
    /_made_up loses index events_event_id_unique in a rebuild/,
    /_made_up makes events\.more NOT NULL without a default/,
    /differ: events: lacks column detail TEXT/,
    /differ: no migration creates CREATE UNIQUE INDEX `events_event_id_unique`/,
    /differ: only the migrations create table unknown/,
    /events\.detail of the reference is dropped/,
    /events\.event_id of the reference has a different type/,
    /postgres\/0000_blackboard\.sql names the schema public/,
    /schema\.sqlite\.sql is not current/,
  ]) {
    expect(lines).toContainEqual(expect.stringMatching(problem));
  }
});

test("db:check reports an embedded schema that differs from the schema of the migrations", () => {
  const { edit, run } = copyOfProject();
  edit("src/sqlite/migrations/embedded.sqlite.ts", (text) =>
    text.replace('"column goal TEXT NOT NULL"', '"column goal TEXT"'),
  );
  expect(run("embed", "--check").lines.join("\n")).toContain("does not match migrations/sqlite");
  expect(run("check").lines).toContainEqual(expect.stringContaining("embedded.*.ts differ"));
});
