/** Moving a run preserves it, from any engine to any engine. */
import { copyFileSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { copyRun, exportRun, importRun, type RunLocation } from "run-blackboard";
import { postgresRun } from "run-blackboard/postgres";
import { describe, expect, test } from "vitest";
import { connectTo, open } from "../behaviour/sqlite.ts";
import { freshSchema, hasServer, open as openOnServer } from "../postgres/fresh.ts";
import { temporaryFolder } from "../processes/folder.ts";
import { fillOdd, pairs, sites, textOf, wholeRun } from "./places.ts";

describe.each(pairs)("from $from to $to", ({ source, target }) => {
  test("a run with unusual values arrives equal, including event numbers and gaps, and continues to count", async () => {
    const [here, there] = [await source(), await target()];
    const original = await wholeRun(await fillOdd(here, "odd"));
    const { lastSeq } = original.summary;
    expect(lastSeq).toBe(153);
    expect(await importRun(exportRun(here.run("odd")), there.anywhere)).toMatchObject({
      runId: "odd",
      workstreams: 2,
      briefs: 155,
      events: 152,
    });
    const board = await there.open("odd");
    expect(await wholeRun(board)).toEqual(original);
    expect((await board.logEvent("completed")).seq).toBe(lastSeq + 1);
    expect(await wholeRun(await here.open("odd"))).toEqual(original);
  });

  test("a copy under a different id is equal except for that id", async () => {
    const [here, there] = [await source(), await target()];
    const board = await here.open("small");
    await board.createRun("a goal");
    await board.createWorkstream({ workstreamId: "w", name: "name", tier: 1 });
    await board.createBrief({ briefId: "b", workstreamId: "w", tier: 1, role: "coder" });
    await board.logEvent("spawned", { eventId: "e", briefId: "b" });
    await copyRun(here.run("small"), there.run("renamed"));
    const original = JSON.stringify(await wholeRun(board));
    expect(await wholeRun(await there.open("renamed"))).toEqual(
      JSON.parse(original.replaceAll('"small"', '"renamed"')),
    );
  });
});

describe.each(sites)("the export of a run in %s", (_, site) => {
  test("is JSON Lines: a header, one row per line with all its columns, and an end that counts them", async () => {
    const here = await site();
    const board = await here.open("r");
    const run = await board.createRun("a goal");
    const workstream = await board.createWorkstream({ workstreamId: "w", name: "name", tier: 1 });
    const { waitsFor: _, ...columns } = await board.createBrief({ briefId: "b", tier: 1, role: "coder" });
    const event = await board.logEvent("spawned", { briefId: "b" });
    const lines = (await textOf(here.run("r"))).split("\n");
    expect(lines.pop()).toBe("");
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { format: "run-blackboard", version: 2, run },
      { workstream },
      { brief: { ...columns, after: [] } },
      { event },
      { end: { workstreams: 1, briefs: 1, events: 1 } },
    ]);
  });

  test("is a snapshot, whatever is written while it is read", async () => {
    const here = await site();
    const board = await here.open("r");
    await board.createRun("a goal");
    for (let n = 0; n < 50; n++) await board.createBrief({ briefId: `b/${n}`, tier: 1, role: "coder" });
    await board.logEvent("spawned");
    const pieces = exportRun(here.run("r"));
    const first = await pieces.next();
    await board.createBrief({ briefId: "z/late", tier: 1, role: "late" });
    await board.logEvent("completed");
    await board.updateRunStatus("done");
    const rest = await Readable.from(pieces).toArray();
    const text = [first.value, ...rest].join("");
    expect(text).not.toContain("late");
    expect(text.endsWith('{"end":{"workstreams":0,"briefs":50,"events":1}}\n')).toBe(true);
  });

  test("can be split anywhere, by bytes, with CRLF and empty lines, and still arrives", async () => {
    const here = await site();
    const board = await here.open("r");
    await board.createRun("Ünïcödé 🦉");
    await board.logEvent("spawned", { detail: { text: "€\u2028" } });
    const bytes = Buffer.from(`\n${(await textOf(here.run("r"))).replaceAll("\n", "\r\n")}\n`);
    const pieces = Array.from(bytes, (byte) => Uint8Array.of(byte));
    await importRun(pieces, here.run("r2"));
    expect((await wholeRun(await here.open("r2"))).events[0]?.detail).toEqual({ text: "€\u2028" });
  });

  test("leaves nothing open when it is abandoned", async () => {
    const here = await site();
    await (await here.open("r")).createRun("a goal");
    for await (const piece of exportRun(here.run("r"))) {
      expect(piece).toContain("a goal");
      break;
    }
    expect(await textOf(here.run("r"))).toContain('"end"');
  });

  test("of a missing run throws NotFoundError", async () => {
    const here = await site();
    await (await here.open("r")).createRun("a goal");
    await expect(textOf(await emptied(here, "other"))).rejects.toMatchObject({ code: "NOT_FOUND", id: "other" });
  });
});

/** A blackboard whose run does not exist. */
async function emptied(here: Awaited<ReturnType<(typeof sites)[number][1]>>, runId: string) {
  await here.open(runId);
  return here.run(runId);
}

describe("a file", () => {
  test.each([
    [
      "a payload that is not JSON",
      "UPDATE briefs SET payload = '{' WHERE brief_id = 'b'",
      { entity: "brief", id: "b" },
    ],
    ["an event whose detail is a list", "UPDATE events SET detail = '[]'", { entity: "event", id: "e" }],
  ])("with %s is not exported in part: UnreadableRowError names the row", async (_, spoil, row) => {
    const file = join(temporaryFolder(), "spoilt.db");
    const board = open({ runId: "r", file });
    board.createRun("a goal");
    board.createBrief({ briefId: "b", tier: 1, role: "coder" });
    board.logEvent("spawned", { eventId: "e" });
    connectTo(file).exec(spoil);
    const folder = temporaryFolder();
    await expect(copyRun({ file }, { root: folder })).rejects.toMatchObject({ code: "UNREADABLE_ROW", ...row });
    expect(readdirSync(folder)).toEqual([]);
  });

  test("with briefs without an id, which the reference's schema allows, is not exported without them", async () => {
    const file = join(temporaryFolder(), "nameless.db");
    const board = open({ runId: "r", file });
    board.createRun("a goal");
    const insert = connectTo(file).prepare(
      "INSERT INTO briefs (brief_id, run_id, tier, role, created_at, updated_at) VALUES (NULL, 'r', 1, 'x', 't', 't')",
    );
    for (let n = 0; n < 20; n++) insert.run();
    const folder = temporaryFolder();
    await expect(copyRun({ file }, { root: folder })).rejects.toMatchObject({
      code: "UNREADABLE_ROW",
      entity: "brief",
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  test("of the Python reference is exported as it would be read and stays unchanged", async () => {
    const fixture = fileURLToPath(new URL("../fixtures/python/webhook.db", import.meta.url));
    const folder = temporaryFolder();
    const file = join(folder, "webhook.db");
    copyFileSync(fixture, file);
    const text = await textOf({ file });
    expect(readFileSync(file)).toEqual(readFileSync(fixture));
    await importRun([text], { root: folder });
    using adopted = open({ runId: "webhook", file });
    expect(await wholeRun(open({ runId: "webhook", root: folder }))).toEqual(await wholeRun(adopted));
  });

  test("with several runs is exported by runId and accepts one more run, whose events get new numbers", async () => {
    const file = `${temporaryFolder()}/shared.db`;
    for (const runId of ["one", "two"]) {
      const board = open({ runId, file });
      board.createRun(`the goal of ${runId}`);
      for (let n = 0; n < 3; n++) board.logEvent("spawned", { eventId: `${runId}/${n}` });
    }
    await expect(textOf({ file })).rejects.toMatchObject({ code: "INVALID_INPUT", issues: [{ path: "runId" }] });
    const other: RunLocation = { runId: "two", root: temporaryFolder() };
    await copyRun({ file, runId: "two" }, other);
    expect(
      open(other)
        .listEvents()
        .items.map(({ seq }) => seq),
    ).toEqual([4, 5, 6]);

    const third = open({ runId: "three", file: `${temporaryFolder()}/third.db` });
    third.createRun("the goal of three");
    for (let n = 0; n < 3; n++) third.logEvent("spawned", { eventId: `three/${n}` });
    await copyRun({ file: third.location }, { file });
    const events = open({ runId: "three", file }).listEvents().items;
    expect(events.map(({ seq, eventId }) => [seq, eventId])).toEqual([
      [7, "three/0"],
      [8, "three/1"],
      [9, "three/2"],
    ]);
    await expect(copyRun({ file, runId: "one" }, { file, runId: "four" })).rejects.toMatchObject({
      code: "CONFLICT",
      entity: "event",
      id: "one/0",
      fields: ["runId"],
    });
    expect(connectTo(file).prepare("SELECT count(*) FROM runs").pluck().get()).toBe(3);
  });
});

test.skipIf(!hasServer)(
  "only an import sets event numbers on a server: any other event gets the next one",
  async () => {
    const schema = await freshSchema();
    const board = await openOnServer(schema, { runId: "r" });
    await board.createRun("a goal");
    const insert =
      "INSERT INTO events (seq, event_id, run_id, kind, created_at) VALUES (7, $1, 'r', 'failed', '2026-01-02T03:04:05Z') RETURNING seq";
    expect(await schema.sql(insert, ["e1"])).toEqual([{ seq: 1 }]);
    await copyRun(
      postgresRun({ runId: "r", connection: schema.url }),
      postgresRun({ runId: "r2", connection: schema.url }),
    );
    expect(await schema.sql(insert, ["e2"])).toEqual([{ seq: 2 }]);
  },
);
