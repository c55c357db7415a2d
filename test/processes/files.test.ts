/** Files that are missing, damaged or not databases: the error's code tells which, and the file stays unchanged. */
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { FileError, type OpenOptions, openBlackboard } from "run-blackboard";
import { expect, test } from "vitest";
import { temporaryFolder } from "./folder.ts";

function fileError(call: () => unknown): FileError {
  try {
    call();
  } catch (error) {
    if (error instanceof FileError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

const opening = (options: Partial<OpenOptions>) => fileError(() => openBlackboard({ runId: "r", ...options }).close());

/** A blackboard of about 1.5 MB. */
function filled(): string {
  const file = join(temporaryFolder(), "blackboard.db");
  using board = openBlackboard({ runId: "r", file, synchronous: "normal" });
  board.createRun("fill");
  for (let n = 0; n < 1000; n++) board.createBrief({ tier: 1, role: "filler", payload: { n, text: "x".repeat(1000) } });
  return file;
}

function readAll(file: string): number {
  using board = openBlackboard({ runId: "r", file });
  let count = 0;
  for (let page = board.listBriefs(); ; page = board.listBriefs({ after: page.next })) {
    count += page.items.length;
    if (page.next === null) return count;
  }
}

test.each([
  ["of 1 byte", Buffer.from("x")],
  ["of 50 bytes", Buffer.alloc(50)],
  ["of 99 bytes", Buffer.from("SQLite format 3\0".padEnd(99, "\0"))],
  ["of 10 kB of text", Buffer.from("This is not a database.\n".repeat(427))],
])("a file %s throws NOT_SQLITE and stays unchanged", (_, bytes) => {
  const file = join(temporaryFolder(), "notes.txt");
  writeFileSync(file, bytes);
  for (const readonly of [false, true]) {
    const error = opening({ file, readonly });
    expect(error).toMatchObject({ code: "NOT_SQLITE", file });
    expect(error.message).toContain(file);
    expect(readFileSync(file).equals(bytes)).toBe(true);
    expect(readdirSync(dirname(file))).toEqual([basename(file)]);
  }
});

test("an empty file becomes a blackboard", () => {
  const file = join(temporaryFolder(), "blackboard.db");
  writeFileSync(file, "");
  using board = openBlackboard({ runId: "r", file });
  expect(board.createRun("begin").status).toBe("pending");
});

test("a folder in place of a file throws CANNOT_OPEN", () => {
  const folder = temporaryFolder();
  expect(opening({ file: folder })).toMatchObject({ code: "CANNOT_OPEN", file: folder });
  expect(opening({ file: folder, readonly: true })).toMatchObject({ code: "CANNOT_OPEN", file: folder });
  expect(readdirSync(folder)).toEqual([]);
});

test("a file in place of a folder throws CANNOT_OPEN", () => {
  const notFolder = join(temporaryFolder(), "notes.txt");
  writeFileSync(notFolder, "notes");
  expect(opening({ root: notFolder }).code).toBe("CANNOT_OPEN");
  expect(readFileSync(notFolder, "utf8")).toBe("notes");
});

test("a file with overwritten pages throws CORRUPT when they are read", () => {
  const file = filled();
  expect(readAll(file)).toBe(1000);
  const bytes = readFileSync(file);
  const middle = Math.floor(bytes.length / 2);
  writeFileSync(file, bytes.fill(0xff, middle, middle + 40 * 4096));
  expect(fileError(() => readAll(file))).toMatchObject({ code: "CORRUPT", file });
});

test("a truncated file throws CORRUPT when the missing part is read", () => {
  const file = filled();
  truncateSync(file, 100 * 4096);
  expect(fileError(() => readAll(file))).toMatchObject({ code: "CORRUPT", file });
});

test("a missing folder is created with its parents", () => {
  const root = join(temporaryFolder(), "not", "there", "yet");
  using board = openBlackboard({ runId: "r", root });
  expect(board.location).toBe(join(root, "r", "blackboard.db"));
  expect(existsSync(board.location)).toBe(true);
});

test("a missing file throws NO_SUCH_FILE with create: false or readonly, and neither file nor folder is created", () => {
  const folder = temporaryFolder();
  for (const option of [{ create: false }, { readonly: true }]) {
    expect(opening({ root: folder, ...option })).toMatchObject({
      code: "NO_SUCH_FILE",
      file: join(folder, "r", "blackboard.db"),
    });
    const file = join(folder, "missing.db");
    expect(opening({ file, ...option })).toMatchObject({ code: "NO_SUCH_FILE", file });
    expect(readdirSync(folder)).toEqual([]);
  }
});

test("create: false opens an existing file", () => {
  const root = temporaryFolder();
  openBlackboard({ runId: "r", root }).close();
  using board = openBlackboard({ runId: "r", root, create: false });
  expect(board.createRun("go on").goal).toBe("go on");
});

test("every write to a readonly blackboard throws READ_ONLY, and the file stays unchanged", () => {
  const file = join(temporaryFolder(), "blackboard.db");
  const writable = openBlackboard({ runId: "r", file });
  writable.createRun("read");
  writable.createBrief({ briefId: "b-1", tier: 1, role: "reader" });
  writable.createWorkstream({ workstreamId: "w-1", name: "reading", tier: 1 });
  writable.close();
  const bytes = readFileSync(file);
  using board = openBlackboard({ runId: "r", file, readonly: true });
  expect(board.getRunSummary().briefs.pending).toBe(1);
  const writes = [
    () => board.createBrief({ tier: 1, role: "writer" }),
    () => board.createWorkstream({ name: "writing", tier: 1 }),
    () => board.logEvent("spawned"),
    () => board.updateRunStatus("active"),
    () => board.updateWorkstreamStatus("w-1", "active"),
    () => board.updateBriefStatus("b-1", "active"),
    () => board.updateBriefResult("b-1", {}),
    () => board.incrementBriefRetry("b-1"),
    () => board.transaction((tx) => tx.logEvent("spawned")),
  ];
  for (const write of writes) expect(fileError(write)).toMatchObject({ code: "READ_ONLY", file });
  expect(board.getBrief("b-1")?.status).toBe("pending");
  board.close();
  expect(readFileSync(file).equals(bytes)).toBe(true);
});

test("a readonly blackboard sees the commits of other connections while it is open", () => {
  const file = join(temporaryFolder(), "blackboard.db");
  using writable = openBlackboard({ runId: "r", file });
  writable.createRun("write");
  using reader = openBlackboard({ runId: "r", file, readonly: true });
  expect(reader.getRunSummary().lastSeq).toBe(0);
  const { seq } = writable.logEvent("spawned");
  expect(reader.getRunSummary().lastSeq).toBe(seq);
});
