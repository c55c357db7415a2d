/** Run by `realms.test.ts` in a separate realm. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import Database from "better-sqlite3";
import { backupBlackboard, exportRun, importRun, listRuns, openBlackboard, pruneRuns } from "run-blackboard";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";

let folder = "";
let file = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "run-blackboard-realm-"));
  file = join(folder, "blackboard.db");
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Without `using`: on Node 20 a separate realm has no Symbol.dispose. */
function open(options: object = {}) {
  const board = openBlackboard({ runId: "r", file, busyTimeoutMs: 50, ...options });
  onTestFinished(() => board.close());
  return board;
}
async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

function openRun() {
  const board = open();
  board.createRun("a goal");
  return board;
}

// In Jest, the class of better-sqlite3's errors belongs to the test file that opened a database first.
Object.setPrototypeOf(Database.SqliteError.prototype, runInNewContext("Error.prototype"));

test("neither Node's errors nor the driver's are instances of this realm's Error", () => {
  let thrown: unknown;
  try {
    mkdirSync("/");
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toHaveProperty("code", "EEXIST");
  expect(thrown instanceof Error).toBe(false);
  expect(new Database.SqliteError("mine", "SQLITE_BUSY") instanceof Error).toBe(false);
});

test("a write waits for a lock and then throws BUSY", () => {
  const board = openRun();
  const other = new Database(file);
  other.exec("BEGIN IMMEDIATE");
  expect(() => board.logEvent("spawned")).toThrow(
    expect.objectContaining({ code: "BUSY", waitedMs: expect.any(Number) }),
  );
  other.exec("ROLLBACK");
  other.close();
  board.logEvent("spawned");
});

test("holdClaim keeps the claim while the database is busy, and the work is done", async () => {
  const board = openRun();
  board.createBrief({ briefId: "b", tier: 0, role: "coder" });
  const claim = board.claimBrief({ agentId: "a", leaseMs: 60_000 });
  if (!claim) throw new Error("there was nothing to claim");
  const other = new Database(file);
  other.exec("BEGIN IMMEDIATE");
  // Its first renewal fails; the lock is released while it waits to retry.
  setImmediate(() => {
    other.exec("ROLLBACK");
    other.close();
  });
  expect(await board.holdClaim(claim, { leaseMs: 6000 }, async () => "done")).toBe("done");
});

test("a watch continues after a poll that found the database busy and ends with its signal", async () => {
  const board = openRun();
  board.logEvent("spawned");
  const controller = new AbortController();
  const seen = [];
  for await (const { kind } of board.watchEvents({ signal: controller.signal })) {
    seen.push(kind);
    controller.abort();
  }
  expect(seen).toEqual(["spawned"]);
  board.close();
});

test("a readonly blackboard throws READ_ONLY on a write", () => {
  openRun().close();
  const board = open({ readonly: true });
  expect(() => board.logEvent("spawned")).toThrow(expect.objectContaining({ code: "READ_ONLY" }));
});

test("a row corrupted by another program throws UNREADABLE_ROW", () => {
  const board = openRun();
  board.createBrief({ briefId: "b", tier: 0, role: "coder" });
  const other = new Database(file);
  other.exec("UPDATE briefs SET payload = '{'");
  other.close();
  expect(() => board.getBrief("b")).toThrow(expect.objectContaining({ code: "UNREADABLE_ROW" }));
});

test("a write that the database rejects throws DATABASE, and a file that is not a database NOT_SQLITE", () => {
  const board = openRun();
  const other = new Database(file);
  other.exec("CREATE TRIGGER no BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'mine'); END");
  other.close();
  expect(() => board.logEvent("spawned")).toThrow(expect.objectContaining({ code: "DATABASE" }));
  const text = join(folder, "text.db");
  writeFileSync(text, "no database at all. ".repeat(100));
  expect(() => openBlackboard({ runId: "r", file: text })).toThrow(expect.objectContaining({ code: "NOT_SQLITE" }));
});

test("a folder that cannot be created throws CANNOT_OPEN, a missing file NO_SUCH_FILE", () => {
  writeFileSync(join(folder, "file"), "");
  const below = join(folder, "file", "x", "blackboard.db");
  expect(() => openBlackboard({ runId: "r", file: below })).toThrow(expect.objectContaining({ code: "CANNOT_OPEN" }));
  expect(() => open({ create: false })).toThrow(expect.objectContaining({ code: "NO_SUCH_FILE" }));
  expect(() => listRuns({ root: join(folder, "absent") })).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }));
});

test("a backup over a file and an import of an existing run throw errors with codes", async () => {
  openRun().close();
  const copy = join(folder, "copy.db");
  backupBlackboard({ file }, copy);
  expect(() => backupBlackboard({ file }, copy)).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }));
  const chunks = [];
  for await (const chunk of exportRun({ file })) chunks.push(chunk);
  await expect(importRun(chunks, { file: copy })).rejects.toMatchObject({ code: "CONFLICT" });
  await importRun(chunks, { file: join(folder, "new", "blackboard.db") });
});

test("a clock's date and a promise may be of this realm or a different one", () => {
  const board = open({ clock: () => new Date(0) });
  expect(board.createRun("a goal").createdAt).toBe("1970-01-01T00:00:00.000Z");
  expect(() => board.transaction((async () => 1) as never)).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }));
});

test("pruneRuns deletes a run with its folder", () => {
  const root = join(folder, "runs");
  const board = openBlackboard({ runId: "r", root });
  board.createRun("a goal");
  board.updateRunStatus("done");
  board.close();
  const later = () => new Date(Date.now() + 60_000);
  expect(pruneRuns({ root, olderThanMs: 0, clock: later })).toMatchObject([{ runId: "r", outcome: "deleted" }]);
  expect(existsSync(join(root, "r"))).toBe(false);
});

/** A signal like jsdom's: not Node's class, so that Node cannot set its listener limit. */
class OwnSignal {
  aborted = false;
  reason: unknown;
  readonly listeners = new Set<() => void>();
  addEventListener(_: string, listener: () => void): void {
    this.listeners.add(listener);
  }
  removeEventListener(_: string, listener: () => void): void {
    this.listeners.delete(listener);
  }
}
class OwnController {
  readonly signal = new OwnSignal();
  abort(reason: unknown): void {
    this.signal.aborted = true;
    this.signal.reason = reason;
    for (const listener of this.signal.listeners) listener();
  }
}

test("signals may come from an environment such as jsdom, which has no throwIfAborted", async () => {
  vi.stubGlobal("AbortController", OwnController);
  onTestFinished(() => void vi.unstubAllGlobals());
  const board = openRun();
  board.createBrief({ briefId: "b", tier: 0, role: "coder" });
  const controller = new AbortController();
  const { signal } = controller;
  const claim = board.claimBrief({ agentId: "a", leaseMs: 60_000 });
  if (!claim) throw new Error("there was nothing to claim");
  const reason = new Error("enough");
  const held = board.holdClaim(claim, { leaseMs: 60_000, signal }, () => new Promise(() => undefined));
  const watched = all(board.watchEvents({ signal }));
  setImmediate(() => controller.abort(reason));
  await expect(held).rejects.toBe(reason);
  expect(await watched).toEqual([]);
  await expect(board.holdClaim(claim, { leaseMs: 1000, signal }, async () => 1)).rejects.toBe(reason);
});
