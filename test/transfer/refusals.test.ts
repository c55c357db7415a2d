/** Importing an incomplete or invalid export leaves nothing and reports where it is wrong. */
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { ConflictError, InvalidInputError, importRun, openBlackboard } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { caught } from "../behaviour/engine.ts";
import { temporaryFolder } from "../processes/folder.ts";
import { sites, textOf, wholeRun } from "./places.ts";

type Line = Record<string, Record<string, unknown>>;

/** head, workstream w, brief a, brief b, event e1 (1), event e2 (2), end. */
async function soundLines(): Promise<Line[]> {
  const root = temporaryFolder();
  using board = openBlackboard({ runId: "r", root });
  board.createRun("a goal");
  board.createWorkstream({ workstreamId: "w", name: "name", tier: 1 });
  board.createBrief({ briefId: "a", tier: 1, role: "coder" });
  board.createBrief({ briefId: "b", tier: 1, role: "coder" });
  board.logEvent("spawned", { eventId: "e1", briefId: "a" });
  board.logEvent("spawned", { eventId: "e2", briefId: "b" });
  const text = await textOf({ runId: "r", root });
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

const asText = (lines: readonly unknown[]) =>
  lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`).join("");

/** The lines with one of them changed. */
function changing(index: number, name: string, column: string, value: unknown) {
  return (lines: Line[]): unknown[] => {
    const line = lines[index]?.[name];
    if (!line || !Object.hasOwn(line, column)) throw new Error(`line ${index} has no ${name}.${column}`);
    return lines.with(index, { ...lines[index], [name]: { ...line, [column]: value } });
  };
}

/** The fault, the lines with it, and the path that the error must report. */
type Broken = [string, (lines: Line[]) => unknown[], string];
const broken: Broken[] = [
  ["no line at all", () => [], "line 1"],
  ["another program's JSON", () => [{ hello: 1 }], "line 1"],
  ["no head", (lines) => lines.slice(1), "line 1"],
  ["a newer version", ([head, ...rest]) => [{ ...head, version: 3 }, ...rest], "line 1"],
  ["an invalid version", ([head, ...rest]) => [{ ...head, version: "1" }, ...rest], "line 1, version"],
  ["a head with more than a head has", ([head, ...rest]) => [{ ...head, more: 1 }, ...rest], "line 1, more"],
  ["a run without a goal", ([head, ...rest]) => [{ ...head, run: { runId: "r" } }, ...rest], "line 1, run.goal"],
  ["an invalid status of the run", changing(0, "run", "status", "paused"), "line 1, run.status"],
  ["two heads", ([head, ...rest]) => [head, head, ...rest], "line 2"],
  ["text that is not JSON", (lines) => lines.with(2, '{"brief": {' as never), "line 3"],
  ["a line that is not an object", (lines) => lines.with(2, [] as never), "line 3"],
  ["a row of an unknown kind", (lines) => lines.with(2, { comment: {} }), "line 3"],
  ["two rows in a line", (lines) => lines.with(2, { ...lines[1], ...lines[2] }), "line 3"],
  ["a row that is null", (lines) => lines.with(2, { brief: null as never }), "line 3, brief"],
  ["a row that is a list", (lines) => lines.with(2, { brief: [] as never }), "line 3, brief"],
  ["a column too many", (lines) => lines.with(2, { brief: { ...lines[2]?.brief, more: 1 } }), "line 3, more"],
  ["a column too few", (lines) => lines.with(2, { brief: { briefId: "a", runId: "r" } }), "line 3, brief.tier"],
  ["an invalid status of a brief", changing(2, "brief", "status", "blocked"), "line 3, brief.status"],
  ["an invalid kind of event", changing(4, "event", "kind", "started"), "line 5, event.kind"],
  ["a tier that is text", changing(2, "brief", "tier", "1"), "line 3, brief.tier"],
  ["a counter that PostgreSQL could not hold", changing(2, "brief", "retryCount", 2 ** 31), "line 3, brief.retryCount"],
  ["NUL in an id", changing(2, "brief", "parentBriefId", "x\0"), "line 3, brief.parentBriefId"],
  ["NUL in a name", changing(1, "workstream", "name", "a\0b"), "line 2, workstream.name"],
  ["a lone surrogate in a role", changing(2, "brief", "role", "\ud800"), "line 3, brief.role"],
  ["a payload that is a list", changing(2, "brief", "payload", []), "line 3, brief.payload"],
  ["NUL in a payload", changing(2, "brief", "payload", { a: ["x\0"] }), "line 3, brief.payload.a[0]"],
  ["a result too deep", changing(3, "brief", "result", nested(501)), "line 4, brief.result"],
  ["an invalid time", changing(2, "brief", "createdAt", "yesterday"), "line 3, brief.createdAt"],
  ["an invalid day", changing(2, "brief", "updatedAt", "2026-13-41T00:00:00Z"), "line 3, brief.updatedAt"],
  [
    "a time in a different zone",
    changing(4, "event", "createdAt", "2026-01-02T03:04:05+02:00"),
    "line 5, event.createdAt",
  ],
  ["dependencies that are not a list", changing(2, "brief", "after", "b"), "line 3, brief.after"],
  ["an invalid dependency", changing(2, "brief", "after", ["b", 1]), "line 3, brief.after[1]"],
  ...["waitsFor", "parked"].map(
    (derived): Broken => [
      `the derived column ${derived}`,
      (lines) => lines.with(2, { brief: { ...lines[2]?.brief, [derived]: 0 } }),
      `line 3, ${derived}`,
    ],
  ),
  ["a row of a different run", changing(3, "brief", "runId", "other"), "line 4"],
  ["two workstreams of one id", (lines) => lines.toSpliced(2, 0, lines[1] ?? {}), "line 3"],
  ["two briefs of one id", changing(3, "brief", "briefId", "a"), "line 4"],
  ["two events of one id", changing(5, "event", "eventId", "e1"), "line 6"],
  ["two events of one number", changing(5, "event", "seq", 1), "line 6"],
  ["events out of order", (lines) => lines.with(4, lines[5] ?? {}).with(5, lines[4] ?? {}), "line 6"],
  ["an invalid number of an event", changing(4, "event", "seq", 0), "line 5, event.seq"],
  ["no end", (lines) => lines.slice(0, -1), "end"],
  ["only a head", (lines) => lines.slice(0, 1), "end"],
  ["a line lost", (lines) => lines.toSpliced(3, 1), "line 6, end.briefs"],
  ["an end that counts wrong", changing(6, "end", "events", 3), "line 7, end.events"],
  ["an end that counts nothing", (lines) => lines.with(6, { end: {} }), "line 7, end.workstreams"],
  ["a line after the end", (lines) => [...lines, lines[5]], "line 8"],
  ["two ends", (lines) => [...lines, lines[6]], "line 8"],
];

function nested(levels: number): object {
  let value = {};
  for (let level = 1; level < levels; level++) value = { a: value };
  return value;
}

describe.each(sites)("an import into %s", (_, site) => {
  test(`of any of ${broken.length} broken texts is rejected with the place of the fault and leaves nothing`, async () => {
    const there = await site();
    const before = await there.contents();
    const lines = await soundLines();
    for (const [what, change, path] of broken) {
      const error = await caught(InvalidInputError, () => importRun([asText(change(lines))], there.anywhere));
      const paths = error.issues.map((issue) => issue.path);
      expect(paths, what).toContainEqual(expect.stringContaining(path));
      expect(await there.contents(), what).toEqual(before);
    }
  });

  test("that is truncated anywhere is rejected and leaves nothing", async () => {
    const there = await site();
    const before = await there.contents();
    const text = asText(await soundLines());
    const step = Math.ceil(text.length / 25);
    for (let length = 0; length < text.length - 1; length += step) {
      await caught(InvalidInputError, () => importRun([text.slice(0, length)], there.anywhere));
    }
    expect(await there.contents()).toEqual(before);
    await importRun([text.trimEnd()], there.anywhere);
  });

  test("that is not UTF-8, or whose stream fails, leaves nothing", async () => {
    const there = await site();
    const before = await there.contents();
    const bytes = Buffer.from(asText(await soundLines()));
    await caught(InvalidInputError, () => importRun([bytes.subarray(0, 300), Uint8Array.of(0xff)], there.anywhere));
    async function* failing() {
      yield bytes.subarray(0, -10);
      throw new RangeError("the line went dead");
    }
    await expect(importRun(failing(), there.anywhere)).rejects.toThrow(new RangeError("the line went dead"));
    await expect(importRun(createReadStream("/no/such/file"), there.anywhere)).rejects.toMatchObject({
      code: "ENOENT",
    });
    expect(await there.contents()).toEqual(before);
  });

  test("closes a stream that it does not read to its end", async () => {
    const there = await site();
    const stream = Readable.from(["{}\n", "{}\n"]);
    await caught(InvalidInputError, () => importRun(stream, there.anywhere));
    expect(stream.destroyed).toBe(true);
  });

  test("of an existing run throws ConflictError, changes nothing, and succeeds under a different id", async () => {
    const there = await site();
    const board = await there.open("r");
    await board.createRun("what was here before");
    await board.logEvent("spawned");
    const before = await wholeRun(board);
    const text = asText(await soundLines());
    const error = await caught(ConflictError, () => importRun([text], there.anywhere));
    expect(error).toMatchObject({ code: "CONFLICT", entity: "run", id: "r" });
    expect(await wholeRun(board)).toEqual(before);
    expect(await importRun([text], there.run("r2"))).toMatchObject({ runId: "r2", briefs: 2 });
    expect(await wholeRun(board)).toEqual(before);
  });

  test("of one run by two concurrent calls succeeds once", async () => {
    const there = await site();
    const text = asText(await soundLines());
    const outcomes = await Promise.allSettled([1, 2, 3].map(() => importRun([text], there.anywhere)));
    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected", "rejected"]);
    expect((await wholeRun(await there.open("r"))).briefs).toHaveLength(2);
  });
});

test("an import under an id that cannot be a folder reports the id", async () => {
  const lines = await soundLines();
  const text = asText(lines).replaceAll('"runId":"r"', '"runId":"a/b"');
  const root = temporaryFolder();
  const error = await caught(InvalidInputError, () => importRun([text], { root }));
  expect(error.issues[0]?.path).toBe("runId");
  expect(await importRun([text], { root, runId: "a-b" })).toMatchObject({ runId: "a-b" });
});
