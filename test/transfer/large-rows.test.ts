/** Runs with large rows: the memory of a process does not grow with their size or number. */
import { createWriteStream } from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { exportRun, UnreadableRowError } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { caught } from "../behaviour/engine.ts";
import { connectTo, open } from "../behaviour/sqlite.ts";
import { freshSchema, hasServer, open as openOnServer } from "../postgres/fresh.ts";
import { temporaryFolder } from "../processes/folder.ts";
import { start } from "../processes/spawn.ts";
import { startProgram } from "./programs.ts";

const [small, large] = [600, 80];
const count = small + large;

/** Small rows first, so that they do not predict the large ones: 80 MB of briefs and as much of events. */
const rows = (text: string) => [
  `INSERT INTO briefs (brief_id, run_id, parent_brief_id, tier, role, status, payload, result, created_at, updated_at)
   WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ${count})
   SELECT CASE WHEN n <= ${small} THEN 'small/' ELSE 't/large/' END || cast(n AS text), 'r', NULL, 1, 'coder', 'done', '{"n":1}',
   CASE WHEN n > ${small} THEN ${text} END, '2026-01-01T00:00:00.' || cast(n + 100 AS text) || 'Z', '2026-01-01T00:00:00.000Z' FROM n`,
  `INSERT INTO events (event_id, run_id, brief_id, kind, detail, created_at)
   WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ${count})
   SELECT 'e' || cast(n AS text), 'r', 'small/1', 'failed', CASE WHEN n > ${small} THEN ${text} END, '2026-01-01T00:00:00.000Z' FROM n`,
];

function largeFile(): string {
  const file = join(temporaryFolder(), "blackboard.db");
  open({ runId: "r", file, synchronous: "normal" }).createRun("a goal");
  for (const text of rows(`'{"text":"' || hex(zeroblob(500000)) || '"}'`)) connectTo(file).exec(text);
  return file;
}

/** The output of an operation in a process with little memory. */
async function outcome(...args: string[]): Promise<string | undefined> {
  const program = startProgram("heavy", args, { NODE_OPTIONS: "--max-old-space-size=64" });
  const [found, memory] = await program.finish();
  expect(Number(memory)).toBeLessThan(280);
  return found;
}

const everything = `${count} briefs, ${count} events`;

describe("160 MB in rows of 1 MB, preceded by small ones, in a process with 64 MB of memory for them:", () => {
  test("a file is exported, imported and copied, to a new file and into an existing one", async () => {
    const file = largeFile();
    const folder = temporaryFolder();
    expect(await outcome("export", file)).toBe(`${2 * count + 2} lines`);
    expect(await outcome("copy", file, join(folder, "copy.db"))).toBe(everything);
    const text = join(folder, "text.jsonl");
    await pipeline(exportRun({ file }), createWriteStream(text));
    expect(await outcome("import", text, join(folder, "imported.db"))).toBe(everything);
    const shared = join(folder, "shared.db");
    open({ runId: "other", file: shared }).createRun("another");
    expect(await outcome("copy", file, shared)).toBe(everything);
  });

  test("its events are watched, one leaf of its tree is read, and its briefs and events are listed", async () => {
    const file = largeFile();
    expect(await outcome("watch", file)).toBe(`${count} events`);
    expect(await outcome("leaf", file)).toBe('1 root, payload {"n":1}');
    expect(await outcome("outline", file)).toBe(`${count} roots, ${count} briefs`);
    expect(await outcome("pages", file)).toBe(everything);
  });

  test("each command that reads them succeeds", async () => {
    const file = largeFile();
    const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
    for (const [words, lines] of [
      [["tree"], count + 1],
      [["tree", "--json"], 1],
      [["briefs"], count + 1],
      [["briefs", "--json"], count],
      [["brief", "--json"], 1],
      [["events"], count + 1],
      [["events", "--json"], count],
    ] as const) {
      const [name, ...rest] = words;
      const ids = name === "brief" ? ["small/1"] : [];
      const command = [process.execPath, "--max-old-space-size=64", "--import", import.meta.resolve("tsx"), main];
      const line = [...command, name, file, ...ids, ...rest].map((word) => `'${word}'`).join(" ");
      const counting = start("bash", ["-c", `set -o pipefail; ${line} | wc -l`]);
      expect([words, await counting.finish()]).toEqual([words, [String(lines)]]);
    }
  });

  test.skipIf(!hasServer)("on a server they are exported, copied, watched, listed, and read by leaf", async () => {
    const schema = await freshSchema();
    const board = await openOnServer(schema, { runId: "r" });
    await board.createRun("a goal");
    for (const text of rows(`jsonb_build_object('text', repeat('0', 1000000))`)) await schema.sql(text);
    expect(await outcome("export", schema.url)).toBe(`${2 * count + 2} lines`);
    expect(await outcome("copy", schema.url, join(temporaryFolder(), "copy.db"))).toBe(everything);
    expect(await outcome("watch", schema.url)).toBe(`${count} events`);
    expect(await outcome("leaf", schema.url)).toBe('1 root, payload {"n": 1}'.replace(": 1", ":1"));
    expect(await outcome("outline", schema.url)).toBe(`${count} roots, ${count} briefs`);
    expect(await outcome("pages", schema.url)).toBe(everything);
  });
});

test.runIf(totalmem() > 8e9)("a row that is too long for one line throws an error that names it", async () => {
  const file = join(temporaryFolder(), "blackboard.db");
  const board = open({ runId: "r", file, synchronous: "normal" });
  board.createRun("a goal");
  board.createBrief({ briefId: "b", tier: 1, role: "coder" });
  // 140 MB as another program writes them, and four times as much as JavaScript does.
  const sql = `UPDATE briefs SET payload = '{"n":[' || replace(hex(zeroblob(28000000)), '00', '1e20,') || '1]}'`;
  connectTo(file).exec(sql);
  const error = await caught(UnreadableRowError, async () => {
    for await (const _ of exportRun({ file }));
  });
  expect(error).toMatchObject({ entity: "brief", id: "b" });
});
