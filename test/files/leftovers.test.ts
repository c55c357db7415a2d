/** Companion files that a crashed process left next to a path belong to the database that was there and to no other. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import {
  BlackboardError,
  backupBlackboard,
  copyRun,
  exportRun,
  FileError,
  InvalidInputError,
  importRun,
  MigrationError,
  migrateBlackboard,
  openBlackboard,
  pruneRuns,
  restoreBlackboard,
  verifyBlackboard,
} from "run-blackboard";
import { describe, expect, test } from "vitest";
import { caught } from "../behaviour/engine.ts";
import { connectTo } from "../behaviour/sqlite.ts";
import { temporaryFolder } from "../processes/folder.ts";
import { countBriefs, crashed } from "./kill.ts";

/** A closed run with this many briefs, in its own folder. */
function closedRun(runId: string, briefs: number, payload = {}): string {
  const file = join(temporaryFolder(), "r/blackboard.db");
  using board = openBlackboard({ runId, file });
  board.createRun(`goal of ${runId}`);
  for (let n = 0; n < briefs; n++) board.createBrief({ briefId: `${runId}/${n}`, tier: 1, role: "coder", payload });
  return file;
}

const bytesOf = (...files: string[]) => files.map((file) => (existsSync(file) ? readFileSync(file, "hex") : "missing"));

describe.each(["-wal", "-journal"])("next to the %s of a missing database", (companion) => {
  async function target() {
    const file = join(temporaryFolder(), "r/blackboard.db");
    await crashed(file, "old", 5);
    if (companion === "-journal") renameSync(`${file}-wal`, `${file}-journal`);
    rmSync(file);
    rmSync(`${file}-shm`);
    return file;
  }

  test("no file is created, and the companion stays unchanged", async () => {
    const source = closedRun("new", 3);
    const ways: ((file: string) => unknown)[] = [
      (file) => importRun(exportRun({ file: source }), { file }),
      (file) => copyRun({ file: source }, { file }),
      (file) => backupBlackboard({ file: source }, file),
      (file) => restoreBlackboard(source, { file }),
      (file) => openBlackboard({ runId: "new", file }),
    ];
    for (const way of ways) {
      const file = await target();
      const before = bytesOf(file, file + companion);
      const error = await caught(FileError, () => way(file));
      expect(error).toMatchObject({ code: "CANNOT_OPEN" });
      expect(error.message).toContain(file + companion);
      expect(bytesOf(file, file + companion)).toEqual(before);
    }
  });

  test("restore with force writes exactly the backup", async () => {
    const source = closedRun("new", 3);
    const file = await target();
    expect(restoreBlackboard(source, { file }, { force: true })).toMatchObject({ location: file, replaced: false });
    expect(countBriefs(file, "new")).toBe(3);
    expect(verifyBlackboard({ file })).toMatchObject({ problems: [] });
  });
});

test("no database is opened or created under a name that SQLite uses for a companion of a different one", async () => {
  const source = closedRun("new", 3);
  const before = readdirSync(dirname(source));
  for (const companion of ["-wal", "-shm", "-journal"]) {
    const file = source + companion;
    const ways: (() => unknown)[] = [
      () => openBlackboard({ runId: "r", file }),
      () => backupBlackboard({ file: source }, file),
      () => importRun(exportRun({ file: source }), { file }),
      () => copyRun({ file: source }, { file }),
      () => restoreBlackboard(source, { file }, { force: true }),
      () => restoreBlackboard(file, { file: source }, { force: true }),
    ];
    for (const way of ways) {
      const error = await caught(InvalidInputError, way);
      expect(error.message).toContain("must not end in -wal");
      expect(readdirSync(dirname(source))).toEqual(before);
    }
  }
  expect(countBriefs(source, "new")).toBe(3);
});

test("an empty database file next to a WAL is rejected for writing, because SQLite would delete the WAL", async () => {
  const file = join(temporaryFolder(), "blackboard.db");
  await crashed(file, "old", 5);
  writeFileSync(file, "");
  const before = bytesOf(`${file}-wal`);
  expect(await caught(FileError, () => openBlackboard({ runId: "r", file }))).toMatchObject({ code: "CANNOT_OPEN" });
  expect(bytesOf(`${file}-wal`)).toEqual(before);
});

test("a backup moved over a crashed run's file keeps every byte when it is rejected on opening", async () => {
  let refusals = 0;
  for (const briefs of [3, 40, 300]) {
    const file = join(temporaryFolder(), "blackboard.db");
    await crashed(file, "old", briefs);
    const backup = `${file}.backup`;
    backupBlackboard({ file: closedRun("new", 2 * briefs, { text: "x".repeat(2000) }) }, backup);
    renameSync(backup, file);
    const files = [file, `${file}-wal`];
    const before = bytesOf(...files);
    for (const readonly of [true, false]) {
      try {
        // SQLite cannot tell which file a WAL belongs to: if it fits, the file opens.
        openBlackboard({ runId: "new", file, readonly }).close();
      } catch (error) {
        expect(error).toBeInstanceOf(BlackboardError);
        expect(bytesOf(...files)).toEqual(before);
        refusals++;
      }
    }
  }
  expect(refusals).toBeGreaterThan(0);
});

test("a file that its WAL would turn into a different program's keeps every byte when it is rejected", async () => {
  const file = closedRun("r", 10);
  const customers = join(temporaryFolder(), "customers.db");
  const client = connectTo(customers);
  client.exec("PRAGMA journal_mode = WAL; CREATE TABLE customers (name)");
  for (let n = 0; n < 100; n++) client.exec(`INSERT INTO customers VALUES ('${"x".repeat(1000)}')`);
  copyFileSync(`${customers}-wal`, `${file}-wal`);
  const files = [file, `${file}-wal`];
  const before = bytesOf(...files);
  const source = closedRun("new", 1);
  const calls = [
    () => openBlackboard({ runId: "r", file }),
    () => openBlackboard({ runId: "r", file, migrate: "check" }),
    () => openBlackboard({ runId: "r", file, readonly: true }),
    () => migrateBlackboard({ file, backup: true }),
    () => importRun(exportRun({ file: source }), { file }),
    () => restoreBlackboard(source, { file }, { force: true }),
  ];
  for (const call of calls) {
    expect(await caught(MigrationError, call)).toMatchObject({ code: "NOT_A_BLACKBOARD" });
    expect(bytesOf(...files)).toEqual(before);
  }
  expect(
    pruneRuns({ root: dirname(dirname(file)), olderThanMs: 0 }).filter(({ outcome }) => outcome === "deleted"),
  ).toEqual([]);
  expect(bytesOf(...files)).toEqual(before);
});

test("a hot journal of a different file is not applied by import, copy or open, and nothing changes", async () => {
  // The journal of a large unfinished transaction contains some pages of the other file.
  const other = closedRun("other", 300, { text: "y".repeat(3000) });
  const client = connectTo(other);
  client.exec(
    "PRAGMA journal_mode = DELETE; PRAGMA cache_size = 5; BEGIN; UPDATE briefs SET status = 'done', tier = 7",
  );
  const file = closedRun("r", 5);
  const own = connectTo(file);
  own.exec("PRAGMA journal_mode = DELETE");
  own.close();
  copyFileSync(`${other}-journal`, `${file}-journal`);
  client.exec("ROLLBACK");
  const files = [file, `${file}-journal`];
  const before = bytesOf(...files);
  const source = closedRun("new", 3);
  const calls: [code: string, call: () => unknown][] = [
    ["CORRUPT", () => openBlackboard({ runId: "r", file })],
    ["CORRUPT", () => migrateBlackboard({ file })],
    ["CANNOT_OPEN", () => importRun(exportRun({ file: source }), { file })],
    ["CANNOT_OPEN", () => copyRun({ file: source }, { file })],
  ];
  for (const [code, call] of calls) {
    expect(await caught(FileError, call)).toMatchObject({ code });
    expect(bytesOf(...files)).toEqual(before);
  }
});

describe("restoreBlackboard", () => {
  test("that fails leaves the companions of a missing database unchanged, with force too", async () => {
    const source = closedRun("new", 3);
    // Short enough for a database with its companions, too long for the temporary name of a copy.
    const file = join(temporaryFolder(), `${"x".repeat(220)}.db`);
    await crashed(file, "old", 5);
    rmSync(file);
    const before = bytesOf(`${file}-wal`);
    await caught(FileError, () => restoreBlackboard(source, { file }, { force: true }));
    expect(bytesOf(file, `${file}-wal`)).toEqual(["missing", ...before]);
  });

  test("replaces a crashed run's file with the backup and discards its WAL", async () => {
    const file = join(temporaryFolder(), "blackboard.db");
    await crashed(file, "r", 5);
    const backup = join(temporaryFolder(), "monday.db");
    backupBlackboard({ file }, backup);
    await crashed(file, "r", 40);
    const bytes = bytesOf(backup);
    expect(restoreBlackboard(backup, { file }, { force: true })).toMatchObject({
      location: file,
      backup,
      replaced: true,
    });
    expect(countBriefs(file, "r")).toBe(5);
    expect(bytesOf(backup)).toEqual(bytes);
  });

  test("includes the WAL next to the backup", async () => {
    const backup = join(temporaryFolder(), "copied.db");
    await crashed(backup, "r", 7);
    const file = join(temporaryFolder(), "r/blackboard.db");
    restoreBlackboard(backup, { file });
    expect(countBriefs(file, "r")).toBe(7);
  });

  test("rejects an open run, and the run's own file as its backup", async () => {
    const backup = closedRun("r", 2);
    const file = closedRun("r", 4);
    using board = openBlackboard({ runId: "r", file });
    await expect(async () => restoreBlackboard(backup, { file }, { force: true })).rejects.toMatchObject({
      code: "BUSY",
    });
    expect(board.logEvent("spawned").seq).toBe(1);
    board.close();
    await expect(async () => restoreBlackboard(file, { file }, { force: true })).rejects.toMatchObject({
      code: "INVALID_INPUT",
    });
    expect(countBriefs(file, "r")).toBe(4);
  });

  test("rejects an existing file without force, a damaged backup and a different program's database", async () => {
    const [backup, file] = [closedRun("r", 2), closedRun("r", 4)];
    const before = bytesOf(file);
    await expect(async () => restoreBlackboard(backup, { file })).rejects.toMatchObject({ code: "INVALID_INPUT" });
    const damaged = join(dirname(backup), "damaged.db");
    writeFileSync(damaged, readFileSync(backup).fill(0x55, 8192, 40_000));
    await expect(async () => restoreBlackboard(damaged, { file }, { force: true })).rejects.toMatchObject({
      code: "CORRUPT",
    });
    await expect(async () => restoreBlackboard(join(dirname(backup), "no.db"), { file })).rejects.toMatchObject({
      code: "NO_SUCH_FILE",
    });
    expect(bytesOf(file)).toEqual(before);
    const foreign = join(temporaryFolder(), "customers.db");
    const client = connectTo(foreign);
    client.exec("CREATE TABLE customers (name)");
    client.close();
    await expect(async () => restoreBlackboard(backup, { file: foreign }, { force: true })).rejects.toMatchObject({
      code: "NOT_A_BLACKBOARD",
    });
    await expect(async () => restoreBlackboard(foreign, { file }, { force: true })).rejects.toMatchObject({
      code: "NOT_A_BLACKBOARD",
    });
    expect(countBriefs(file, "r")).toBe(4);
  });

  test("replaces a file that is too damaged to open and creates the folder of a missing run", async () => {
    const backup = closedRun("r", 2);
    const file = closedRun("r", 4);
    writeFileSync(file, "no database, but longer than the header of one would be. ".repeat(10));
    restoreBlackboard(backup, { file }, { force: true });
    expect(countBriefs(file, "r")).toBe(2);
    const root = temporaryFolder();
    mkdirSync(join(root, "other"));
    restoreBlackboard(backup, { runId: "r", root });
    expect(countBriefs(join(root, "r/blackboard.db"), "r")).toBe(2);
  });
});
