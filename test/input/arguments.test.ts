/**
 * Hostile arguments of the package's functions: each call accepts them or throws an error with a code and a short
 * message.
 */
import { join } from "node:path";
import {
  backupBlackboard,
  copyRun,
  exportRun,
  InvalidInputError,
  importRun,
  listRunIds,
  listRuns,
  migrateBlackboard,
  migrationStatus,
  openBlackboard,
  pruneRuns,
  releaseBrief,
  reportRun,
  summarizeRun,
  verifyBlackboard,
  viewBlackboard,
} from "run-blackboard";
import { describe, expect, test } from "vitest";
import { caught } from "../behaviour/engine.ts";
import { requireCoded } from "../behaviour/hostile.ts";
import { open } from "../behaviour/sqlite.ts";
import { temporaryFolder } from "../processes/folder.ts";
import { hostile } from "./hostile.ts";

interface World {
  readonly folder: string;
  readonly file: string;
  readonly board: ReturnType<typeof openBlackboard>;
}
type Call = (world: World, value: never) => unknown;

const memory = { runId: "r", file: ":memory:" };
const opened = (options: object) => {
  using board = openBlackboard({ ...memory, ...options });
  board.createRun("a goal");
  board.createBrief({ tier: 0, role: "coder" });
};

const functions: [string, Call][] = [
  ["openBlackboard", (_, options) => openBlackboard(options).close()],
  ["openBlackboard, the run's id", (_, runId) => openBlackboard({ ...memory, runId }).close()],
  [
    "openBlackboard, the file",
    ({ folder }, name) => openBlackboard({ runId: "r", file: textIn(folder, name), create: false }),
  ],
  ["openBlackboard, the roles", (_, roles) => opened({ roles })],
  ["openBlackboard, a role", (_, coder) => opened({ roles: { coder } })],
  ["openBlackboard, a schema", (_, payload) => opened({ roles: { coder: { payload } } })],
  ["openBlackboard, the clock", (_, clock) => opened({ clock })],
  ["openBlackboard, the clock's time", (_, time) => opened({ clock: () => time })],
  ["openBlackboard, newId", (_, newId) => opened({ newId })],
  ["openBlackboard, a new id", (_, id) => opened({ newId: () => id })],
  ["openBlackboard, the logger", (_, logger) => opened({ logger })],
  ["openBlackboard, a timeout", (_, busyTimeoutMs) => opened({ busyTimeoutMs })],
  ["summarizeRun", (_, board) => summarizeRun(board)],
  ["reportRun", (_, board) => reportRun(board)],
  ["releaseBrief", (_, board) => releaseBrief(board, "b")],
  ["releaseBrief, the brief", ({ board }, briefId) => releaseBrief(board, briefId)],
  ["releaseBrief, the detail", ({ board }, detail) => releaseBrief(board, "b", detail)],
  ["exportRun", (_, from) => exportRun(from)],
  ["exportRun, the run's id", ({ folder }, runId) => all(exportRun({ root: folder, runId }))],
  ["importRun", ({ folder }, text) => importRun(text, { root: folder })],
  ["importRun, a piece of text", ({ folder }, piece) => importRun([piece], { root: folder })],
  [
    "importRun, a line",
    ({ folder }, line) =>
      importRun([JSON.stringify({ format: typeof line === "string" ? line : 5 })], { root: folder }),
  ],
  ["importRun, where to", (_, to) => importRun([], to)],
  ["copyRun", ({ file }, to) => copyRun({ file }, to)],
  ["copyRun, from where", ({ folder }, from) => copyRun(from, { root: folder })],
  ["pruneRuns", (_, options) => pruneRuns(options)],
  ["pruneRuns, the clock", ({ folder }, clock) => pruneRuns({ root: folder, olderThanMs: 0, clock })],
  [
    "pruneRuns, the clock's time",
    ({ folder }, time) => pruneRuns({ root: folder, olderThanMs: 1e12, clock: () => time }),
  ],
  ["listRuns", (_, options) => listRuns(options)],
  ["listRunIds", (_, options) => listRunIds(options)],
  ["backupBlackboard", ({ folder }, location) => backupBlackboard(location, join(folder, "copy.db"))],
  ["backupBlackboard, where to", ({ file }, to) => backupBlackboard({ file }, to)],
  ["migrationStatus", (_, location) => migrationStatus(location)],
  ["migrateBlackboard", (_, options) => migrateBlackboard(options)],
  ["verifyBlackboard", (_, options) => verifyBlackboard(options)],
  ["viewBlackboard", (_, options) => viewBlackboard(options).close()],
];

/** Resolves a text argument in the test's folder, because no file outside may be created. */
function textIn(folder: string, value: unknown): never {
  return (typeof value === "string" ? join(folder, value) : value) as never;
}

async function all(chunks: AsyncIterable<string>): Promise<void> {
  for await (const _ of chunks);
}

/** Skips text that would name a file in the working directory, and undefined, which is allowed. */
const isPath = (value: unknown) => typeof value === "string";

describe("hostile arguments are accepted or rejected with a code and a short message:", () => {
  test.each(functions)("%s", async (name, call) => {
    const folder = temporaryFolder();
    const file = join(folder, "r", "blackboard.db");
    const board = open({ runId: "r", file });
    board.createRun("a goal");
    board.createBrief({ briefId: "b", tier: 0, role: "coder" });
    const plain: [string, () => unknown][] = [
      ["a number", () => 42],
      ["null", () => null],
      ["{}", () => ({})],
      ["false", () => false],
    ];
    for (const [what, make] of [...hostile, ...plain]) {
      const value = make();
      if (name === "backupBlackboard, where to" && isPath(value)) continue;
      await expect(
        requireCoded(() => call({ folder, file, board }, value as never)),
        what,
      ).resolves.toBeUndefined();
    }
  });
});

describe("functions that take a blackboard reject any other value", () => {
  test.each([42, null, undefined, {}, "board", [], new Proxy({}, {})])("%o", (value) => {
    for (const call of [summarizeRun, reportRun, (board: never) => releaseBrief(board, "b")]) {
      expect(() => call(value as never)).toThrow(
        expect.objectContaining({ code: "INVALID_INPUT", issues: [{ path: "board", message: expect.any(String) }] }),
      );
    }
  });
});

describe("importRun accepts", () => {
  test("text as one string, as chunks and as bytes, and nothing else", async () => {
    const folder = temporaryFolder();
    const file = join(folder, "blackboard.db");
    open({ runId: "r", file }).createRun("a goal");
    let text = "";
    for await (const chunk of exportRun({ file })) text += chunk;
    const to = (name: string) => ({ file: join(folder, `${name}.db`) });
    for (const [n, given] of [text, [text], [...text], [Buffer.from(text)]].entries()) {
      expect(await importRun(given, to(String(n)))).toMatchObject({ runId: "r" });
    }
    for (const given of [42, null, {}, Buffer.from(text), [42], [null], [[text]]]) {
      await caught(InvalidInputError, () => importRun(given as never, to("none")));
    }
  });
});

test("the message that asks for a runId truncates many or unusual ids", async () => {
  const file = join(temporaryFolder(), "blackboard.db");
  for (let n = 0; n < 25; n++) open({ runId: `run ${n} \u202e${"x".repeat(100)}`, file }).createRun("a goal");
  const error = await caught(InvalidInputError, () => viewBlackboard({ file }));
  expect(error.message).toMatch(/ and \d+ more/);
  expect(error.message).not.toContain("\u202e");
});
