/**
 * A file that is deleted, moved or replaced while it is open: later writes would go to an unlinked file, so within a
 * second every call of the blackboard throws, and watches and held claims end.
 */
import { copyFileSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as later } from "node:timers/promises";
import { type Blackboard, FileError, openBlackboard } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { caught } from "../behaviour/engine.ts";
import { open } from "../behaviour/sqlite.ts";
import { temporaryFolder } from "../processes/folder.ts";

interface Opened {
  root: string;
  file: string;
}

const ways: [what: string, lose: (opened: Opened) => void][] = [
  ["is deleted", ({ file }) => rmSync(file)],
  ["is deleted with its companions", ({ root }) => rmSync(join(root, "r"), { recursive: true })],
  ["is moved", ({ file }) => renameSync(file, `${file}.old`)],
  ["is in a folder that is renamed", ({ root }) => renameSync(join(root, "r"), join(root, "s"))],
  [
    "is replaced by a copy",
    ({ file }) => {
      copyFileSync(file, `${file}.copy`);
      renameSync(`${file}.copy`, file);
    },
  ],
  [
    "is in a folder that is replaced",
    ({ root }) => {
      renameSync(join(root, "r"), join(root, "s"));
      mkdirSync(join(root, "r"));
      copyFileSync(join(root, "s/blackboard.db"), join(root, "r/blackboard.db"));
    },
  ],
  ["loses its -wal", ({ file }) => rmSync(`${file}-wal`)],
  ["loses its -shm", ({ file }) => rmSync(`${file}-shm`)],
];

/** A run in its own root with one claimed brief. */
function prepare() {
  const root = temporaryFolder();
  const board = open({ runId: "r", root });
  board.createRun("a goal");
  board.createBrief({ briefId: "b", tier: 1, role: "coder" });
  const claim = board.claimBrief({ agentId: "a", leaseMs: 600_000 });
  if (!claim) throw new Error("nothing to claim");
  return { root, file: board.location, board, claim };
}

/** Repeats the call until it throws. */
async function refusedWithin(board: Blackboard<"sync">, call: () => unknown): Promise<FileError> {
  const end = performance.now() + 5000;
  for (;;) {
    try {
      call();
    } catch (error) {
      if (error instanceof FileError) return error;
      throw error;
    }
    if (performance.now() > end) throw new Error(`${board} still answers`);
    await later(20);
  }
}

describe.each(ways)("a file that %s", (_, lose) => {
  test("readers and writers get FileError with the reason on every call", async () => {
    const { root, file, board } = prepare();
    const reader = open({ runId: "r", root, readonly: true });
    lose({ root, file });
    const error = await refusedWithin(board, () => board.logEvent("spawned"));
    expect(error).toMatchObject({ code: "NO_SUCH_FILE", file });
    expect(error.message).toContain("while it was open");
    const calls: (() => unknown)[] = [
      () => board.getRun(),
      () => board.createBrief({ tier: 1, role: "coder" }),
      () => board.transaction(() => "nothing"),
      () => board.drizzle.select().from(board.drizzle._.fullSchema.runs).all(),
    ];
    for (const call of calls) expect(await caught(FileError, call)).toMatchObject({ code: "NO_SUCH_FILE" });
    expect(await refusedWithin(reader, () => reader.getRun())).toMatchObject({ code: "NO_SUCH_FILE" });
    board.close();
    reader.close();
  });

  test("watches, waits and held claims end, including those of a reader", async () => {
    const { root, file, board, claim } = prepare();
    const reader = open({ runId: "r", root, readonly: true });
    const watched = [board, reader].map(async (one) => {
      for await (const { seq } of one.watchEvents()) throw new Error(`event ${seq} was not logged`);
    });
    const waited = [board, reader].map((one) => one.waitForBriefs({ parentBriefId: null }));
    let aborted: unknown;
    const held = board.holdClaim(claim, { leaseMs: 600_000 }, async (signal) => {
      lose({ root, file });
      await new Promise<void>((resolve) => {
        signal.addEventListener("abort", () => resolve());
      });
      aborted = signal.reason;
    });
    const settled = await Promise.allSettled([...watched, ...waited, held]);
    for (const one of settled)
      expect(one).toMatchObject({ status: "rejected", reason: { code: "NO_SUCH_FILE", file } });
    expect(aborted).toMatchObject({ code: "NO_SUCH_FILE" });
  });
});

test("a transaction that is open when its file disappears is rolled back", async () => {
  const { file, board } = prepare();
  const error = await caught(FileError, () =>
    board.transaction((tx) => {
      tx.logEvent("spawned");
      renameSync(file, `${file}.old`);
      const end = performance.now() + 1000;
      while (performance.now() < end);
    }),
  );
  expect(error.code).toBe("NO_SUCH_FILE");
  board.close();
  rmSync(`${file}-wal`, { force: true });
  rmSync(`${file}-shm`, { force: true });
  using old = openBlackboard({ runId: "r", file: `${file}.old` });
  expect(old.listEvents().items).toEqual([]);
});

test("a companion that is deleted while a query is iterated over is reported afterwards, with a coded error", async () => {
  const { file, board } = prepare();
  for (const _ of board.drizzle.$client.prepare("SELECT * FROM runs").iterate()) {
    rmSync(`${file}-wal`);
    const end = performance.now() + 300;
    while (performance.now() < end);
    expect(board.getRun()?.goal).toBe("a goal");
  }
  expect(await refusedWithin(board, () => board.getRun())).toMatchObject({ code: "NO_SUCH_FILE", file });
});

test("a file that its own connection takes out of WAL mode remains usable", async () => {
  const { board } = prepare();
  board.drizzle.$client.pragma("journal_mode = DELETE");
  await later(500);
  expect(board.logEvent("spawned").seq).toBe(1);
  board.drizzle.$client.pragma("journal_mode = WAL");
  await later(500);
  expect(board.logEvent("spawned").seq).toBe(2);
});

test("a blackboard in memory and an unchanged file remain usable", async () => {
  const memory = open({ runId: "r", file: ":memory:" });
  const { board } = prepare();
  memory.createRun("a goal");
  await later(500);
  expect(memory.logEvent("spawned").seq).toBe(1);
  expect(board.logEvent("spawned").seq).toBe(1);
});
