/** The options of openBlackboard: each is validated, and rejected options create no file. */
import { existsSync, readdirSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { InvalidInputError, openBlackboard } from "run-blackboard";
import { describe, expect, onTestFinished, test } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import { caught } from "./engine.ts";
import { open } from "./sqlite.ts";

/** Opens with options that must be rejected at exactly these paths; the folder must stay empty. */
async function refusedOptions(paths: string[], options: (root: string) => unknown): Promise<InvalidInputError> {
  const root = temporaryFolder();
  const error = await caught(InvalidInputError, () => openBlackboard(options(root) as never));
  expect(error.code).toBe("INVALID_INPUT");
  expect([...new Set(error.issues.map(({ path }) => path))].sort()).toEqual([...paths].sort());
  expect(error.message).not.toContain("\n");
  expect(readdirSync(root)).toEqual([]);
  return error;
}

describe("runId", () => {
  test.each([
    "",
    ".",
    "..",
    "a/b",
    "/a",
    "a/",
    "a\\b",
    "../a",
    "a\nb",
    "a\0b",
    "\u0001",
    "\u007f",
    "\u0085",
    "\ud800",
    "x".repeat(129),
    5,
    null,
    undefined,
    {},
    ["a"],
    true,
  ])("%j is rejected, and no file is created", async (runId) => {
    await refusedOptions(["runId"], (root) => ({ runId, root }));
    await refusedOptions(["runId"], (root) => ({ runId, file: join(root, "x.db") }));
  });

  test.each(["x".repeat(128), "...", ".a", "a b", "ünï", "🪝", "constructor", "__proto__", "-", "a:b", "~", "%2e%2e"])(
    "%j is accepted, and its file is in a folder of that name",
    (runId) => {
      const root = temporaryFolder();
      const board = open({ runId, root });
      expect(board.runId).toBe(runId);
      expect(board.createRun("a goal").runId).toBe(runId);
      expect(board.location).toBe(join(root, runId, "blackboard.db"));
      expect(existsSync(join(root, runId, "blackboard.db"))).toBe(true);
    },
  );
});

describe("file and root", () => {
  const flawed: unknown[] = ["", "x\0y", "\ud800", 5, null, {}, true, Buffer.from("x.db"), new URL("file:///x.db")];

  test.each(flawed)("%s is rejected for file", async (file) => {
    await refusedOptions(["file"], () => ({ runId: "r", file }));
  });
  test.each(flawed)("%s is rejected for root", async (root) => {
    await refusedOptions(["root"], () => ({ runId: "r", root }));
  });

  test.each([" ", "\t", "\n", "\u00a0"])(
    "a file that ends in %j, which the driver would strip, is rejected",
    async (blank) => {
      await refusedOptions(["file"], (root) => ({ runId: "r", file: `${join(root, "x.db")}${blank}` }));
    },
  );

  test("both together are rejected", async () => {
    await refusedOptions(["root"], (root) => ({ runId: "r", root, file: join(root, "x.db") }));
    await refusedOptions(["root"], (root) => ({ runId: "r", root, file: ":memory:" }));
  });

  test("a file that starts with a blank, or looks like a URI, is a file of that name", () => {
    const root = temporaryFolder();
    for (const name of [" x.db", "file:x.db?mode=memory", ":memory:.db", "#"]) {
      const board = open({ runId: "r", file: join(root, name) });
      expect(board.location).toBe(join(root, name));
      expect(readdirSync(root)).toContain(name);
    }
  });

  test("resolve against the working directory and default to runs/<runId>/blackboard.db", () => {
    const before = process.cwd();
    onTestFinished(() => process.chdir(before));
    process.chdir(temporaryFolder());
    const root = process.cwd();
    const locations = [
      open({ runId: "r" }),
      open({ runId: "r", root: undefined, file: undefined }),
      open({ runId: "r", root: "deep/er" }),
      open({ runId: "r", file: "sub/x.db" }),
    ].map(({ location }) => location);
    const runs = join(root, "runs", "r", "blackboard.db");
    expect(locations).toEqual([runs, runs, join(root, "deep", "er", "r", "blackboard.db"), join(root, "sub", "x.db")]);
    for (const location of locations) expect(isAbsolute(location) && existsSync(location)).toBe(true);
  });

  test("a later change of the working directory does not move the file", () => {
    const before = process.cwd();
    onTestFinished(() => process.chdir(before));
    process.chdir(temporaryFolder());
    const board = open({ runId: "r" });
    process.chdir(before);
    board.createRun("a goal");
    expect(open({ runId: "r", file: board.location }).getRun()?.goal).toBe("a goal");
  });

  test(":memory: opens a separate database each time", () => {
    const one = open({ runId: "r", file: ":memory:" });
    const two = open({ runId: "r", file: ":memory:" });
    one.createRun("a goal");
    expect(two.getRun()).toBeUndefined();
    expect(one.location).toBe(":memory:");
  });

  test(":memory: with readonly is rejected, because it would be empty", async () => {
    await refusedOptions(["file"], () => ({ runId: "r", file: ":memory:", readonly: true }));
  });
});

describe("every other option", () => {
  const notTimes = [-1, 0.5, 2 ** 31, Number.NaN, Number.POSITIVE_INFINITY, "5000", null, 5n, true];
  const cases: [string, unknown[]][] = [
    ["create", ["yes", 1, 0, null, {}, "false"]],
    ["readonly", ["yes", 1, 0, null, {}, "false"]],
    ["migrate", ["never", "", "Auto", true, null, ["auto"]]],
    ["synchronous", ["off", "FULL", 2, null, true]],
    ["busyTimeoutMs", notTimes],
    ["migrateTimeoutMs", notTimes],
    ["clock", [new Date(0), 5, null, {}, "now"]],
    ["newId", ["id", 5, null, {}]],
    ["logger.logQuery", [{}, null, true, { logQuery: "x" }, () => undefined]],
  ];
  test.each(cases)("%s rejects invalid values", async (path, values) => {
    for (const value of values) {
      await refusedOptions([path], (root) => ({ runId: "r", root, [path.replace(/\..*/, "")]: value }));
    }
  });

  test("treats undefined as absent", () => {
    const nothing = { create: undefined, readonly: undefined, migrate: undefined, synchronous: undefined };
    const more = { busyTimeoutMs: undefined, migrateTimeoutMs: undefined, clock: undefined, newId: undefined };
    const board = open({ runId: "r", root: temporaryFolder(), ...nothing, ...more, logger: undefined });
    expect(board.createRun("a goal").status).toBe("pending");
  });

  test.each(["filename", "runID", "timeout", "constructor", "toString", "hasOwnProperty", "__proto__", ""])(
    "%j is unknown: it is rejected, and the valid names are listed",
    async (name) => {
      // Parsed, because `__proto__` in an object literal would set the prototype.
      const unknown = JSON.parse(`{${JSON.stringify(name)}: 1}`);
      const error = await refusedOptions([name], (root) => Object.assign(unknown, { runId: "r", root }));
      expect(error.message).toContain("busyTimeoutMs");
    },
  );

  test("all invalid options are reported in one error", async () => {
    const wrong = {
      runId: "..",
      file: "",
      create: 1,
      migrate: 1,
      busyTimeoutMs: -1,
      clock: 1,
      newId: 1,
      colour: "red",
    };
    await refusedOptions(Object.keys(wrong), () => wrong);
  });

  test.each([undefined, null, 5, "r", [], ["r"], true, () => ({ runId: "r" })])(
    "%s instead of an options object is rejected",
    async (options) => {
      const error = await caught(InvalidInputError, () => openBlackboard(options as never));
      expect(error.issues.map(({ path }) => path)).toContain("runId");
    },
  );

  test("may be in a frozen object without a prototype", () => {
    const options = Object.freeze(Object.assign(Object.create(null), { runId: "r", file: ":memory:" }));
    expect(open(options).runId).toBe("r");
  });
});

describe("logger", () => {
  test("receives the queries", () => {
    const queries: string[] = [];
    const board = open({ runId: "r", file: ":memory:", logger: { logQuery: (query) => void queries.push(query) } });
    board.createRun("a goal");
    expect(queries.some((query) => /^insert into "runs"/i.test(query))).toBe(true);
  });
});

test("a writable connection keeps temporary data in memory, so that lists create no temporary files", () => {
  const root = temporaryFolder();
  const board = open({ runId: "r", root });
  expect(board.drizzle.$client.pragma("temp_store", { simple: true })).toBe(2);
  const view = open({ runId: "r", root, readonly: true });
  expect(view.drizzle.$client.pragma("temp_store", { simple: true })).toBe(0);
});
