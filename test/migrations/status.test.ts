/** migrationStatus leaves no trace; migrateBlackboard migrates a file, with a backup of its previous state. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { InvalidInputError, migrateBlackboard, migrationStatus, openBlackboard } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { migrateFile } from "../../src/sqlite/migrations/migrate.ts";
import { readStatus } from "../../src/sqlite/migrations/status.ts";
import { temporaryFolder } from "../processes/folder.ts";
import { startProgram } from "../processes/spawn.ts";
import { contentsOf, execute, migrateTo, newFile, rows, thrownBy, traceOf, written } from "./files.ts";
import { followedBy, known, oldest } from "./made-up.ts";

const tags = known.map(({ tag }) => tag);

function made(change: (file: string) => void): string {
  const file = newFile();
  change(file);
  return file;
}

/** A file whose last commits are in the WAL of a dead process. */
async function withWal(file: string, sql: string): Promise<string> {
  const program = startProgram("sql", [file]);
  await program.ask("PRAGMA journal_mode = WAL");
  await program.ask(sql);
  program.kill();
  await program.ended;
  expect(readFileSync(`${file}-wal`).length).toBeGreaterThan(0);
  return file;
}

const states: [state: string, make: () => string, applied: string[]][] = [
  ["absent", newFile, []],
  ["empty", () => made((file) => writeFileSync(file, "")), []],
  ["empty", () => made((file) => execute(file, "CREATE TABLE t (n)", "DROP TABLE t")), []],
  ["reference", () => written("webhook"), []],
  ["reference", () => written("partial"), []],
  ["pending", () => made((file) => migrateTo(file, oldest)), tags.slice(0, 1)],
  ["current", () => made((file) => migrateTo(file, known)), tags],
];

describe("migrationStatus", () => {
  test.each(states)("returns %s for such a file and leaves no trace", (state, make, applied) => {
    const file = make();
    const before = traceOf(file);
    const status = { location: file, state, applied, pending: tags.slice(applied.length) };
    expect(migrationStatus({ file })).toEqual(status);
    if (existsSync(file)) expect(migrateBlackboard({ file, dryRun: true })).toEqual(status);
    expect(traceOf(file)).toEqual(before);
  });

  test("creates no folder for a missing run", () => {
    const root = temporaryFolder();
    const location = join(root, "r", "blackboard.db");
    expect(migrationStatus({ runId: "r", root })).toMatchObject({ location, state: "absent" });
    for (const dryRun of [false, true])
      expect(thrownBy(() => migrateBlackboard({ runId: "r", root, dryRun }))).toMatchObject({ code: "NO_SUCH_FILE" });
    expect(readdirSync(root)).toEqual([]);
  });

  test("includes the WAL of a dead and of a running process and leaves it in place", async () => {
    const file = await withWal(written("empty"), "CREATE TABLE added (n)");
    // SQLite keeps an index of the WAL and the readers' marks in -shm.
    const trace = (of: string) => ({ ...traceOf(of), [`${basename(of)}-shm`]: "whatever it says" });
    const before = trace(file);
    expect(migrationStatus({ file })).toMatchObject({ state: "reference" });
    expect(trace(file)).toEqual(before);

    using board = openBlackboard({ runId: "r", file: newFile() });
    board.createRun("live");
    const open = trace(board.location);
    expect(migrationStatus({ file: board.location })).toMatchObject({ state: "current" });
    expect(trace(board.location)).toEqual(open);
  });

  test('rejects ":memory:", as migrateBlackboard does', () => {
    for (const call of [migrationStatus, migrateBlackboard]) {
      expect(thrownBy(() => call({ file: ":memory:" }))).toBeInstanceOf(InvalidInputError);
    }
  });
});

describe("migrateBlackboard", () => {
  test.each(states.slice(1))("migrates an existing file that is %s", (state, make) => {
    const file = make();
    const current = { location: file, state: "current", applied: tags, pending: [] };
    const { backup, ...status } = migrateBlackboard({ file, backup: true });
    expect(status).toStrictEqual(current);
    expect(backup === undefined).toBe(state === "current");
    expect(migrateBlackboard({ file, backup: true })).toStrictEqual(current);
    expect(readdirSync(dirname(file))).toEqual(["blackboard.db", ...(backup === undefined ? [] : [basename(backup)])]);
    if (backup !== undefined)
      expect(basename(backup)).toMatch(/^blackboard\.db\.\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d{3}Z-\d+\.backup$/);
    openBlackboard({ runId: "webhook", file, migrate: "check" }).close();
  });

  test("with a backup leaves a complete copy of all commits next to it, including those in a dead process's WAL", async () => {
    const file = await withWal(written("webhook"), "UPDATE runs SET goal = 'in the WAL'");
    const before = contentsOf(file);
    const { backup = "" } = migrateBlackboard({ file, backup: true });
    expect(dirname(backup)).toBe(dirname(file));
    expect(contentsOf(backup)).toEqual(before);
    expect(rows(backup, "SELECT goal FROM runs")).toEqual([{ goal: "in the WAL" }]);
    expect(migrationStatus({ file: backup })).toMatchObject({ state: "reference" });
    openBlackboard({ runId: "webhook", file: backup }).close();
  });

  test("keeps the backup when a migration fails and leaves the file unchanged", () => {
    const file = written("webhook");
    const before = contentsOf(file);
    const failing = followedBy(known, "INSERT INTO nowhere VALUES (1)");
    const settings = { dryRun: false, backup: true, migrateTimeoutMs: 0 };
    expect(thrownBy(() => migrateFile(file, failing, settings))).toMatchObject({ code: "MIGRATION_FAILED" });
    expect(contentsOf(file)).toEqual(before);
    const backups = readdirSync(dirname(file)).filter((name) => name.endsWith(".backup"));
    expect(backups).toHaveLength(1);
    expect(contentsOf(join(dirname(file), backups[0] ?? ""))).toEqual(before);
    expect(readStatus(file, failing)).toMatchObject({ state: "reference" });
  });
});
