/** SQLite reports CANTOPEN, READONLY or BUSY; this package's error explains the cause. */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync } from "node:fs";
import { dirname, join } from "node:path";
import Database from "better-sqlite3";
import { BusyError, openBlackboard } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { isBusy } from "../../src/sqlite/errors.ts";
import { waiting } from "../../src/sqlite/waiting.ts";
import { caught } from "../behaviour/engine.ts";
import { temporaryFolder } from "./folder.ts";
import { startProgram } from "./spawn.ts";

interface Answer {
  readonly code: string;
  readonly message: string;
}

function newFile(root = temporaryFolder()): string {
  using board = openBlackboard({ runId: "r", root });
  board.createRun("say why");
  return board.location;
}

async function ask(options: object, args: readonly string[] = [], through: readonly string[] = []): Promise<Answer> {
  const program = startProgram("open-and-say", args, through);
  await program.line("ready");
  return JSON.parse(await program.ask(JSON.stringify({ runId: "r", ...options })));
}

describe("a process with too many files open", () => {
  test.each([0, 1, 2])("gets an error that says so, with %i descriptors left", async (free) => {
    const answer = await ask({ file: newFile() }, [String(free)], ["prlimit", "--nofile=200"]);
    expect(answer).toMatchObject({ code: "CANNOT_OPEN", message: expect.stringContaining("too many files open") });
  });
});

describe("a path that is too long", () => {
  test.each([
    ["for SQLite", 60, 12, "SQLite accepts at most 504"],
    ["for the file system", 300, 1, "longer than the file system allows"],
  ])("%s is reported as too long", async (_, nameLength, levels, reason) => {
    const root = join(temporaryFolder(), ...Array.from({ length: levels }, () => "d".repeat(nameLength)));
    const answer = await ask({ root });
    expect(answer).toMatchObject({ code: "CANNOT_OPEN", message: expect.stringContaining(reason) });
  });

  test("is reported as too long if only its last name is", async () => {
    const answer = await ask({ file: join(temporaryFolder(), "f".repeat(250)) });
    expect(answer).toMatchObject({
      code: "CANNOT_OPEN",
      message: expect.stringContaining("its name is 250 bytes long"),
    });
  });
});

/** Runs a command where a folder is mounted read-only; requires root. */
const readOnlyMount = (folder: string) => {
  const mount = `mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"`;
  return ["unshare", "--mount", "sh", "-c", mount, folder];
};
const canMount = spawnSync("unshare", ["--mount", "true"]).status === 0;

test.skipIf(!canMount)("a read-only mount is reported, for an existing and for a missing file", async () => {
  const file = newFile();
  const through = readOnlyMount(dirname(dirname(file)));
  for (const options of [{ file }, { file, readonly: true }, { root: join(dirname(dirname(file)), "new") }]) {
    const answer = await ask(options, [], through);
    expect(answer).toMatchObject({ code: "READ_ONLY", message: expect.stringContaining("mounted read-only") });
  }
});

const isRoot = process.getuid?.() === 0;

describe.skipIf(!isRoot)("an error for missing permissions names the owner of", () => {
  test("the file", async () => {
    const file = newFile();
    chmodSync(dirname(file), 0o777);
    const { code, message } = await ask({ file }, ["nobody"]);
    expect(code).toBe("READ_ONLY");
    expect(message).toMatch(/user \(id 65534\) has no write permission for it \(owner id 0, mode 0644\)/);
  });

  test("the folder", async () => {
    const file = newFile();
    chmodSync(file, 0o666);
    const { code, message } = await ask({ file }, ["nobody"]);
    expect(code).toBe("READ_ONLY");
    expect(message).toMatch(/user \(id 65534\) has no write permission for its folder \(owner id 0, mode 0755\)/);
  });

  test("the -shm and -wal that the owner's blackboard created, and says what to do about them", async () => {
    const file = newFile();
    chmodSync(file, 0o666);
    chmodSync(dirname(file), 0o777);
    using board = openBlackboard({ runId: "r", file });
    board.getRun();
    chmodSync(`${file}-wal`, 0o666);
    chmodSync(`${file}-shm`, 0o644);
    expect(existsSync(`${file}-shm`)).toBe(true);
    const first = await ask({ file }, ["nobody"]);
    expect(first.message).toContain(`cannot read and write ${file}-shm (owner id 0, mode 0644)`);
    expect(first.message).toContain("delete it when no process has the database open");
    board.logEvent("spawned");
    chmodSync(`${file}-wal`, 0o644);
    const second = await ask({ file }, ["nobody"]);
    expect(second.message).toContain(`cannot read and write ${file}-wal (owner id 0, mode 0644)`);
    expect(second.message).toContain("do not delete it");
  });
});

describe("an error for a held lock names", () => {
  test("this process if one of its own connections holds it", async () => {
    const file = newFile();
    using board = openBlackboard({ runId: "r", file, busyTimeoutMs: 0 });
    const own = new Database(file);
    try {
      own.exec("BEGIN IMMEDIATE");
      const error = await caught(BusyError, () => board.logEvent("spawned"));
      expect(error.message).toContain("locked by another connection of this process");
    } finally {
      own.close();
    }
  });

  test("the other process that holds it", async () => {
    const file = newFile();
    using board = openBlackboard({ runId: "r", file, busyTimeoutMs: 0 });
    const other = startProgram("sql", [file]);
    await other.ask("BEGIN IMMEDIATE");
    const error = await caught(BusyError, () => board.logEvent("spawned"));
    expect(error.message).toMatch(/locked by process \d+ for/);
    expect(error.message).not.toContain(`process ${process.pid}`);
  });

  test("another connection if the holder is unknown: a reader of a file that is not in WAL mode", async () => {
    const file = join(temporaryFolder(), "blackboard.db");
    const reader = new Database(file);
    try {
      reader.exec("CREATE TABLE mine (a); INSERT INTO mine VALUES (1), (2)");
      const rows = reader.prepare("SELECT a FROM mine").iterate();
      rows.next();
      const { message } = await caught(BusyError, () => waiting(() => insertInto(file), isBusy, 0, file));
      expect(message).toContain("locked by another connection for");
      rows.return?.();
    } finally {
      reader.close();
    }
  });
});

function insertInto(file: string): void {
  const other = new Database(file, { timeout: 0 });
  try {
    other.exec("INSERT INTO mine VALUES (3)");
  } finally {
    other.close();
  }
}
