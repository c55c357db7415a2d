import { execFileSync, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { backupBlackboard, FileError, InvalidInputError, MigrationError, migrationStatus } from "run-blackboard";
import { expect, test } from "vitest";
import { caught } from "../behaviour/engine.ts";
import { connectTo, open } from "../behaviour/sqlite.ts";
import { temporaryFolder } from "../processes/folder.ts";
import { wholeRun } from "./places.ts";
import { startProgram } from "./programs.ts";

/** A folder with the file of a small run. */
function small() {
  const folder = temporaryFolder();
  const file = join(folder, "blackboard.db");
  const board = open({ runId: "r", file });
  board.createRun("a goal");
  board.createBrief({ briefId: "b", tier: 1, role: "coder" });
  board.logEvent("spawned", { briefId: "b" });
  return { folder, file, board, copy: join(folder, "copy.db") };
}

test("backupBlackboard copies the run to a file that opens like any other and returns its path", async () => {
  const { file, board, copy } = small();
  expect(backupBlackboard({ file }, copy)).toEqual({ location: file, backup: copy, bytes: statSync(copy).size });
  expect(migrationStatus({ file: copy }).state).toBe("current");
  const restored = open({ runId: "r", file: copy });
  expect(await wholeRun(restored)).toEqual(await wholeRun(board));
  expect(restored.logEvent("completed").seq).toBe(2);
});

test("backups while another process writes are each intact, complete up to a commit, and do not block the writer", async () => {
  const folder = temporaryFolder();
  const file = join(folder, "blackboard.db");
  const writer = startProgram("write", [file, "r"]);
  for (let n = 1; n <= 5; n++) {
    await writer.until((lines) => (lines.length >= 3 * n ? true : undefined));
    const acknowledged = Number(writer.lines.at(-1));
    const copy = join(folder, `copy-${n}.db`);
    backupBlackboard({ file }, copy);
    const client = connectTo(copy);
    expect(client.pragma("integrity_check", { simple: true })).toBe("ok");
    const count = (table: string) => client.prepare(`SELECT count(*) FROM ${table}`).pluck().get();
    expect(count("briefs")).toBe(count("events"));
    expect(count("briefs")).toBeGreaterThanOrEqual(acknowledged);
  }
  await writer.finish();
});

test("a backup overwrites nothing, not even an empty file or a dangling link", async () => {
  const { folder, file, copy } = small();
  writeFileSync(copy, "");
  symlinkSync(join(folder, "nowhere"), join(folder, "link"));
  const before = readdirSync(folder);
  for (const name of [copy, file, join(folder, "link")]) {
    const error = await caught(InvalidInputError, () => backupBlackboard({ file }, name));
    expect(error.issues).toMatchObject([{ path: "file", message: expect.stringContaining("already exists") }]);
  }
  expect(readFileSync(copy, "utf8")).toBe("");
  expect(readdirSync(folder)).toEqual(before);
});

test("a failed backup leaves no file", async () => {
  const { folder, file, board } = small();
  board.close();
  mkdirSync(join(folder, "sub"));
  writeFileSync(join(folder, "text.db"), "not a database, and long enough to have the header of one: ".repeat(4));
  const foreign = new Database(join(folder, "foreign.db"));
  foreign.exec("CREATE TABLE users (id)");
  foreign.close();
  const damaged = readFileSync(file).fill(0x55, 5000);
  writeFileSync(join(folder, "damaged.db"), damaged);
  // Reading may leave -shm and an empty -wal next to the source, as any reader does.
  const names = () => readdirSync(folder, { recursive: true }).filter((name) => !/-(wal|shm)$/.test(String(name)));
  const before = names();
  const target = join(folder, "sub/copy.db");
  const attempts: [string, string, string][] = [
    ["absent.db", target, "NO_SUCH_FILE"],
    ["text.db", target, "NOT_SQLITE"],
    ["damaged.db", target, "CORRUPT"],
    ["blackboard.db", join(folder, "no/such/folder/copy.db"), "NO_SUCH_FILE"],
  ];
  for (const [name, to, code] of attempts) {
    const error = await caught(FileError, () => backupBlackboard({ file: join(folder, name) }, to));
    expect([name, error.code]).toEqual([name, code]);
  }
  await caught(MigrationError, () => backupBlackboard({ file: join(folder, "foreign.db") }, target));
  expect(names()).toEqual(before);
});

test("a backup removes the partial file of a killed backup and no other file", () => {
  const { folder, file, copy } = small();
  const { pid } = spawnSync("true");
  const part = (owner: string) => `copy.db.${owner}.${randomUUID()}.part`;
  const [dead, alive, elsewhere] = [part(`${pid}@${hostname()}`), part(`1@${hostname()}`), part(`${pid}@other`)];
  for (const name of [dead, alive, elsewhere]) writeFileSync(join(folder, name), "part of a copy");
  backupBlackboard({ file }, copy);
  const left = readdirSync(folder).filter((name) => name.endsWith(".part"));
  expect(left.sort()).toEqual([alive, elsewhere].sort());
});

test("a backup has the permissions of the original", () => {
  const { file, copy } = small();
  chmodSync(file, 0o600);
  backupBlackboard({ file }, copy);
  expect(statSync(copy).mode & 0o777).toBe(0o600);
});

test("a file of the Python reference is copied unchanged", () => {
  const folder = temporaryFolder();
  const fixture = join(import.meta.dirname, "../fixtures/python/webhook.db");
  const file = join(folder, "webhook.db");
  execFileSync("cp", [fixture, file]);
  backupBlackboard({ file }, join(folder, "copy.db"));
  expect(migrationStatus({ file: join(folder, "copy.db") }).state).toBe("reference");
  expect(readFileSync(file)).toEqual(readFileSync(fixture));
});
