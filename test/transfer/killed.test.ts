/** An import that is killed while it reads leaves nothing; one that is killed at its end is complete or absent. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { importRun, openBlackboard } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { freshSchema, hasServer, open as openOnServer } from "../postgres/fresh.ts";
import { temporaryFolder } from "../processes/folder.ts";
import { textOf } from "./places.ts";
import { startProgram } from "./programs.ts";

const events = 3000;

/** The export of a run that is long enough to be written in several batches. */
async function longText(): Promise<string> {
  const root = temporaryFolder();
  using board = openBlackboard({ runId: "long", root, synchronous: "normal" });
  board.createRun("a goal");
  board.transaction(() => {
    for (let n = 0; n < events; n++) board.logEvent("spawned", { detail: { n } });
  });
  return await textOf({ runId: "long", root });
}

describe("an import that is killed while its text arrives", () => {
  test("leaves nothing in the root or the temporary folder, and a shared file unchanged", async () => {
    const [fresh, used, temporary] = [temporaryFolder(), temporaryFolder(), temporaryFolder()];
    mkdirSync(join(used, "long"));
    using board = openBlackboard({ runId: "other", file: join(used, "long/blackboard.db") });
    board.createRun("was here before");
    const lines = (await longText()).split("\n").slice(0, -2);
    const programs = [fresh, used].map((root) =>
      startProgram("import", [root, `${lines.length}`], { SQLITE_TMPDIR: temporary }),
    );
    for (const program of programs) {
      for (const line of lines) program.say(line);
      await program.line("enough");
      program.kill();
      expect(await program.ended).toMatchObject({ signal: "SIGKILL" });
    }
    expect([readdirSync(fresh), readdirSync(temporary)]).toEqual([[], []]);
    expect(board.drizzle.$client.prepare("SELECT run_id FROM runs").pluck().all()).toEqual(["other"]);
    expect(board.listEvents().items).toEqual([]);
  });

  test.skipIf(!hasServer)("leaves nothing on a server", async () => {
    const schema = await freshSchema();
    const board = await openOnServer(schema, { runId: "long" });
    const program = startProgram("import", [schema.url, `${events + 1}`]);
    for (const line of (await longText()).split("\n").slice(0, -2)) program.say(line);
    await program.line("enough");
    program.kill();
    await program.ended;
    // Waits until the server notices, by the lock that creating a run of this id takes.
    await board.createRun("another goal");
    expect(await schema.sql("SELECT * FROM events")).toEqual([]);
    expect(await schema.sql("SELECT goal FROM runs")).toEqual([{ goal: "another goal" }]);
  });
});

test("an import that is killed at its end, 4 times, is complete or absent and can be repeated", async () => {
  const folder = temporaryFolder();
  const text = await longText();
  const file = join(folder, "long.jsonl");
  writeFileSync(file, text);
  const killed = Array.from({ length: 4 }, async (_, kill) => {
    const root = join(folder, `root-${kill}`);
    mkdirSync(root);
    const program = startProgram("import", [root, `${Math.ceil(text.length / 65_536)}`, file]);
    await program.line("enough");
    // After the last chunk it writes the rest and renames the file; each kill comes a few turns later.
    for (let turn = 0; turn < kill * 80; turn++) await new Promise((resolve) => setImmediate(resolve));
    program.kill();
    await program.ended;
    if (!existsSync(join(root, "long/blackboard.db"))) await importRun([text], { root });
    expect(await textOf({ runId: "long", root })).toBe(text);
  });
  await Promise.all(killed);
});
