/** Another program holds the lock. The waiting process is a separate one, because waiting is synchronous. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { BusyError, ConflictError, openBlackboard } from "run-blackboard";
import { expect, test } from "vitest";
import { temporaryFolder } from "./folder.ts";
import { type Running, startProgram } from "./spawn.ts";

interface Waited {
  readonly code: string;
  readonly waitedMs: number;
  readonly tookMs: number;
  readonly cpuMs: number;
  /** Whether the transaction's callback ran. */
  readonly begun: boolean;
}

/** A waiting process that is ready to write to an existing file. */
async function waiter(file: string, busyTimeoutMs: number) {
  const program = startProgram("wait-for-lock", [file, `${busyTimeoutMs}`]);
  await program.line("ready");
  return {
    /** Starts a write; `waited` resolves when it has succeeded or failed. */
    async write(line: string): Promise<{ waited: Promise<Waited> }> {
      // The answer may arrive in the same chunk as the line before it.
      const answer = program.lines.length + 1;
      expect(await program.ask(line)).toBe("writing");
      return { waited: program.until((lines) => lines[answer]).then((json): Waited => JSON.parse(json)) };
    },
  };
}

function newFile(): string {
  const file = join(temporaryFolder(), "blackboard.db");
  using board = openBlackboard({ runId: "locked", file });
  board.createRun("wait");
  return file;
}

async function another(file: string): Promise<Running> {
  const program = startProgram("sql", [file]);
  await program.ask("PRAGMA journal_mode");
  return program;
}

test("a write waits busyTimeoutMs for a lock, not much longer, and uses no CPU", async () => {
  const file = newFile();
  const patient = await waiter(file, 300);
  const other = await another(file);
  await other.ask("BEGIN IMMEDIATE");
  for (const line of ["b-1", "transaction b-1"]) {
    const waited = await (await patient.write(line)).waited;
    expect(waited).toMatchObject({ code: "BUSY", begun: false });
    expect(waited.waitedMs).toBeGreaterThanOrEqual(300);
    // Far below the default of 5000, however slow the machine is.
    expect(waited.tookMs).toBeLessThan(4000);
    expect(waited.cpuMs).toBeLessThan(150);
  }
  await other.ask("ROLLBACK");
  expect(await (await patient.write("b-1")).waited).toMatchObject({ code: "ok" });
});

test("a write with busyTimeoutMs 0 does not wait", async () => {
  const file = newFile();
  const impatient = await waiter(file, 0);
  const other = await another(file);
  await other.ask("BEGIN IMMEDIATE");
  const waited = await (await impatient.write("b-1")).waited;
  expect(waited.code).toBe("BUSY");
  expect(waited.tookMs).toBeLessThan(4000);
});

test("a write that waits for a lock succeeds when the lock is released in time", async () => {
  const file = newFile();
  const [patient, impatient, other] = await Promise.all([waiter(file, 60_000), waiter(file, 300), another(file)]);
  await other.ask("BEGIN IMMEDIATE");
  const { waited } = await patient.write("b-1");
  // A second process times out in the meantime, so the lock was held at least that long.
  const gaveUp = await (await impatient.write("b-2")).waited;
  expect(gaveUp.code).toBe("BUSY");
  await other.ask("ROLLBACK");
  const succeeded = await waited;
  expect(succeeded.code).toBe("ok");
  expect(succeeded.tookMs).toBeGreaterThanOrEqual(300);
  using board = openBlackboard({ runId: "locked", file });
  expect(board.getBrief("b-1")).toBeDefined();
  expect(board.getBrief("b-2")).toBeUndefined();
});

test("opening a current file takes no lock: it succeeds immediately while another process writes", async () => {
  const file = newFile();
  const other = await another(file);
  await other.ask("BEGIN IMMEDIATE; UPDATE runs SET goal = 'not committed'");
  using board = openBlackboard({ runId: "locked", file, busyTimeoutMs: 0, migrateTimeoutMs: 0 });
  expect(board.getRunSummary()).toMatchObject({ goal: "wait", lastSeq: 0 });
});

test("opening a file that must be migrated waits migrateTimeoutMs for its lock and then changes nothing", async () => {
  const file = join(temporaryFolder(), "blackboard.db");
  const other = await another(file);
  await other.ask("PRAGMA journal_mode = WAL");
  const before = readFileSync(file);
  await other.ask("BEGIN IMMEDIATE");
  const open = () => openBlackboard({ runId: "locked", file, busyTimeoutMs: 60_000, migrateTimeoutMs: 300 });
  const start = performance.now();
  expect(open).toThrow(BusyError);
  const tookMs = performance.now() - start;
  expect(tookMs).toBeGreaterThanOrEqual(300);
  // Less than busyTimeoutMs.
  expect(tookMs).toBeLessThan(30_000);
  expect(readFileSync(file).equals(before)).toBe(true);
  await other.ask("ROLLBACK");
  open().close();
});

test("createRun on an existing run does not wait for a lock", () => {
  const file = newFile();
  using board = openBlackboard({ runId: "locked", file, busyTimeoutMs: 0 });
  const other = new Database(file);
  try {
    other.exec("BEGIN IMMEDIATE");
    expect(board.createRun("wait")).toMatchObject({ runId: "locked", goal: "wait" });
    expect(() => board.createRun("another goal")).toThrow(ConflictError);
    expect(() => board.logEvent("spawned")).toThrow(BusyError);
  } finally {
    other.close();
  }
});
