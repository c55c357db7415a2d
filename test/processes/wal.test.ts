import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { openBlackboard } from "run-blackboard";
import { expect, test } from "vitest";
import { temporaryFolder } from "./folder.ts";

test("the WAL stays small over 20,000 writes and is removed when the last connection closes", () => {
  const file = join(temporaryFolder(), "blackboard.db");
  using board = openBlackboard({ runId: "long", file, synchronous: "normal" });
  board.createRun("write for long");
  let largest = 0;
  for (let n = 1; n <= 10_000; n++) {
    board.createBrief({ briefId: `b-${n}`, tier: 1, role: "writer", payload: { n } });
    board.logEvent("spawned", { briefId: `b-${n}` });
    if (n % 100 === 0) largest = Math.max(largest, statSync(`${file}-wal`).size);
  }
  // SQLite checkpoints the WAL every 1,000 pages of 4 kB if each statement is reset after its commit.
  expect(largest).toBeLessThan(8 * 2 ** 20);
  expect(largest).toBeGreaterThan(0);
  board.close();
  expect(existsSync(`${file}-wal`)).toBe(false);
});
