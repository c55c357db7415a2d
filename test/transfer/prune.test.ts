/** pruneRuns deletes only finished runs that were not changed for long, and only the blackboard's own files. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { InvalidInputError, openBlackboard, pruneRuns, type RunStatus, runStatuses } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { caught } from "../behaviour/engine.ts";
import { connectTo, open } from "../behaviour/sqlite.ts";
import { temporaryFolder } from "../processes/folder.ts";
import { startProgram } from "./programs.ts";

const day = 86_400_000;
const today = new Date("2026-03-01T00:00:00.000Z");
const clock = () => today;
const daysAgo = (days: number) => () => new Date(today.getTime() - days * day);

/** A closed run that was last changed this many days ago. */
function make(root: string, runId: string, status: RunStatus, days: number): void {
  using board = openBlackboard({ runId, root, clock: daysAgo(days), synchronous: "normal" });
  board.createRun("a goal");
  board.createBrief({ briefId: "b", tier: 1, role: "coder" });
  board.updateRunStatus(status);
}

const prune = (root: string, dryRun = false) => pruneRuns({ root, olderThanMs: 30 * day, dryRun, clock });
const outcomes = (root: string, dryRun = false) =>
  prune(root, dryRun).map(({ runId, outcome }) => `${runId} ${outcome}`);

describe("pruneRuns", () => {
  test("deletes done and failed runs of that age, lists each, and keeps the others with the reason", () => {
    const root = temporaryFolder();
    for (const status of runStatuses) make(root, `old-${status}`, status, 31);
    make(root, "exactly", "done", 30);
    make(root, "young", "done", 29);
    const before = readdirSync(root, { recursive: true });
    expect(outcomes(root, true)).toEqual([
      "exactly due",
      "old-active kept",
      "old-done due",
      "old-failed due",
      "old-pending kept",
      "old-review kept",
      "young kept",
    ]);
    expect(readdirSync(root, { recursive: true })).toEqual(before);
    const pruned = prune(root);
    const gone = pruned.filter(({ outcome }) => outcome === "deleted");
    expect(gone.map(({ runId }) => runId)).toEqual(["exactly", "old-done", "old-failed"]);
    expect(gone[1]).toEqual({
      runId: "old-done",
      location: join(root, "old-done/blackboard.db"),
      status: "done",
      changedAt: "2026-01-29T00:00:00.000Z",
      outcome: "deleted",
      reason: null,
    });
    expect(pruned.find(({ runId }) => runId === "young")?.reason).toContain("2026-01-31");
    expect(pruned.find(({ runId }) => runId === "old-active")?.reason).toContain("active");
    expect(readdirSync(root)).toEqual(["old-active", "old-pending", "old-review", "young"]);
    expect(outcomes(root)).toEqual(["old-active kept", "old-pending kept", "old-review kept", "young kept"]);
  });

  test.each([
    ["a brief", "UPDATE briefs SET updated_at = '2026-02-28T00:00:00.000001+00:00'"],
    [
      "a workstream",
      "INSERT INTO workstreams VALUES ('w', 'r', 'n', 1, 'done', NULL, '2026-02-28T00:00:00Z', '2026-02-28T00:00:00Z')",
    ],
    [
      "an event",
      "INSERT INTO events (event_id, run_id, kind, created_at) VALUES ('e', 'r', 'failed', '2026-02-28T00:00:00Z')",
    ],
    ["nothing, but a time that cannot be read", "UPDATE runs SET updated_at = 'long ago'"],
  ])("keeps a run if %s has changed since", (_, change) => {
    const root = temporaryFolder();
    make(root, "r", "done", 90);
    const client = connectTo(join(root, "r/blackboard.db"));
    client.exec(change);
    client.close();
    expect(outcomes(root)).toEqual(["r kept"]);
  });

  test("keeps a run that any process has open, idle or writing", async () => {
    const root = temporaryFolder();
    for (const runId of ["mine", "theirs"]) make(root, runId, "done", 90);
    using board = openBlackboard({ runId: "mine", root });
    board.getRun();
    const writer = startProgram("hold", [join(root, "theirs/blackboard.db"), "theirs"]);
    await writer.line("open");
    expect(prune(root).map(({ runId, reason }) => [runId, reason])).toEqual([
      ["mine", "another process has it open"],
      ["theirs", "another process has it open"],
    ]);
    expect(connectTo(board.location).pragma("journal_mode", { simple: true })).toBe("wal");
    expect(board.logEvent("spawned").seq).toBe(1);
    await writer.finish();
    expect(outcomes(root)).toEqual(["mine kept", "theirs deleted"]);
  });

  test("deletes a run whose process was killed with changes in the WAL", async () => {
    const root = temporaryFolder();
    make(root, "r", "done", 90);
    const writer = startProgram("hold", [join(root, "r/blackboard.db"), "r"]);
    await writer.line("open");
    writer.kill();
    await writer.ended;
    expect(readdirSync(join(root, "r")).sort()).toEqual(["blackboard.db", "blackboard.db-shm", "blackboard.db-wal"]);
    expect(outcomes(root)).toEqual(["r deleted"]);
    expect(readdirSync(root)).toEqual([]);
  });

  test("deletes a file of the Python reference too", () => {
    const root = temporaryFolder();
    mkdirSync(join(root, "webhook"));
    const file = join(root, "webhook/blackboard.db");
    copyFileSync(join(import.meta.dirname, "../fixtures/python/webhook.db"), file);
    const client = connectTo(file);
    client.exec("UPDATE runs SET status = 'done'");
    client.close();
    const late = () => new Date("2027-01-01T00:00:00Z");
    const [pruned] = pruneRuns({ root, olderThanMs: 30 * day, clock: late });
    expect(pruned).toMatchObject({ runId: "webhook", status: "done", outcome: "deleted" });
    expect(readdirSync(root)).toEqual([]);
  });

  test("deletes only the blackboard's own files and keeps a folder that contains others", () => {
    const root = temporaryFolder();
    make(root, "r", "done", 90);
    writeFileSync(join(root, "r/notes.txt"), "mine");
    writeFileSync(join(root, "readme.md"), "mine");
    mkdirSync(join(root, "empty"));
    expect(outcomes(root)).toEqual(["r deleted"]);
    expect(readdirSync(root, { recursive: true }).sort()).toEqual(["empty", "r", "r/notes.txt", "readme.md"]);
  });

  test("follows no links, neither of a run's folder nor of its file", () => {
    const [root, elsewhere] = [temporaryFolder(), temporaryFolder()];
    make(elsewhere, "r", "done", 90);
    const original = join(elsewhere, "r/blackboard.db");
    symlinkSync(join(elsewhere, "r"), join(root, "folder"));
    mkdirSync(join(root, "file"));
    symlinkSync(original, join(root, "file/blackboard.db"));
    expect(outcomes(root)).toEqual(["file kept", "folder kept"]);
    expect(existsSync(original)).toBe(true);
    expect(readdirSync(root)).toEqual(["file", "folder"]);
  });

  test("reports unreadable files, leaves them unchanged and continues", () => {
    const root = temporaryFolder();
    for (const name of ["a-text", "b-short", "c-directory"]) mkdirSync(join(root, name));
    writeFileSync(
      join(root, "a-text/blackboard.db"),
      "not a database, but long enough to be taken for one. ".repeat(4),
    );
    writeFileSync(join(root, "b-short/blackboard.db"), "x");
    mkdirSync(join(root, "c-directory/blackboard.db"));
    open({ runId: "d-no-run", root }).close();
    make(root, "e-done", "done", 90);
    const pruned = prune(root);
    expect(pruned.map(({ runId, outcome }) => `${runId} ${outcome}`)).toEqual([
      "a-text kept",
      "b-short kept",
      "c-directory kept",
      "d-no-run kept",
      "e-done deleted",
    ]);
    for (const { outcome, reason } of pruned) expect(reason === null).toBe(outcome === "deleted");
    expect(readFileSync(join(root, "b-short/blackboard.db"), "utf8")).toBe("x");
  });

  test("deletes a file of several runs only if all of them may be deleted", () => {
    const root = temporaryFolder();
    make(root, "one", "done", 90);
    const file = join(root, "one/blackboard.db");
    {
      using two = openBlackboard({ runId: "two", file, clock: daysAgo(80) });
      two.createRun("another goal");
    }
    expect(outcomes(root)).toEqual(["one kept", "two kept"]);
    {
      using two = openBlackboard({ runId: "two", file, clock: daysAgo(80) });
      two.updateRunStatus("failed");
    }
    expect(outcomes(root)).toEqual(["one deleted", "two deleted"]);
    expect(readdirSync(root)).toEqual([]);
  });

  test("deletes a run in a file with users' views and triggers", () => {
    const root = temporaryFolder();
    make(root, "r", "done", 90);
    const client = connectTo(join(root, "r/blackboard.db"));
    client.exec("CREATE VIEW goals AS SELECT goal FROM runs; CREATE VIEW broken AS SELECT a FROM nowhere");
    client.close();
    expect(outcomes(root)).toEqual(["r deleted"]);
  });

  test("rejects a missing root and an invalid age", async () => {
    const root = temporaryFolder();
    const { issues } = await caught(InvalidInputError, () => prune(join(root, "nowhere")));
    expect(issues).toMatchObject([{ path: "root" }]);
    for (const olderThanMs of [-1, Number.NaN, undefined]) {
      const options = { root, olderThanMs: olderThanMs as number };
      expect((await caught(InvalidInputError, () => pruneRuns(options))).issues[0]?.path).toBe("olderThanMs");
    }
  });

  test("makes a blackboard that opened the file just before fail instead of writing to an unlinked file", async () => {
    const root = temporaryFolder();
    make(root, "r", "done", 90);
    const file = join(root, "r/blackboard.db");
    // Opened before, as if it had waited for the lock: SQLite has read nothing yet.
    const late = connectTo(file);
    expect(outcomes(root)).toEqual(["r deleted"]);
    expect(late.prepare("SELECT name FROM sqlite_schema WHERE name = 'runs'").all()).toEqual([]);
    expect(existsSync(file)).toBe(false);
    expect(() => late.exec("INSERT INTO runs VALUES ('r', 'g', 'active', '', '')")).toThrow("no such table");
  });
});

test("a dry run says what the real run does, also of a run that another connection has open", () => {
  const root = temporaryFolder();
  for (const runId of ["idle", "open"]) make(root, runId, "done", 31);
  const board = openBlackboard({ root, runId: "open" });
  board.getRun();
  const reasons = (dryRun: boolean) => prune(root, dryRun).map(({ runId, reason }) => [runId, reason]);
  const before = readFileSync(join(root, "idle/blackboard.db"));
  const expected = [
    ["idle", null],
    ["open", "another process has it open"],
  ];
  expect(reasons(true)).toEqual(expected);
  expect(readFileSync(join(root, "idle/blackboard.db"))).toEqual(before);
  expect(reasons(false)).toEqual(expected);
  board.close();
});
