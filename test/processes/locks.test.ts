/**
 * POSIX locks belong to the process: closing any descriptor of a file drops all its locks on that file. So no public
 * function may open the database or its companion files except through SQLite, which tracks its connections. SQLite
 * before 3.53, as in the Python module, would then take itself for the last connection and delete the -wal in use.
 */
import { existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import * as api from "run-blackboard";
import { openBlackboard } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { hasPython, openReference } from "../interop/reference.ts";
import { temporaryFolder } from "./folder.ts";
import { startProgram } from "./spawn.ts";

const runId = "looked-at";

/** Functions that take a board and use its connection, and helpers of the vocabularies. */
const withoutFiles = [
  "explainFailures",
  "explainWaiting",
  "getTreeOutline",
  "groupFailures",
  "listBriefOutlines",
  "readBriefs",
  "readDependencies",
  "readEvents",
  "releaseBrief",
];

function newRun() {
  const folder = temporaryFolder();
  const root = join(folder, "runs");
  const scratch = join(folder, "scratch");
  mkdirSync(scratch);
  using board = openBlackboard({ root, runId });
  board.createRun("be looked at");
  for (let n = 0; n < 20; n++) board.spawnBrief({ tier: 1, role: "reader", payload: { n } });
  // So that pruneRuns tries to delete it.
  board.updateRunStatus("done");
  const link = join(folder, "link.db");
  symlinkSync(board.location, link);
  return { folder, root, scratch, file: board.location, link };
}

/**
 * A process that calls every read-only function on `path` while it has the run open, and the names of those functions.
 */
async function looker({ root, scratch }: ReturnType<typeof newRun>, path: string) {
  const program = startProgram("look-while-open", [root, runId, path, scratch]);
  const looks = await program.until((lines) => lines[0]).then((json): string[] => JSON.parse(json));
  return { program, looks };
}

describe.skipIf(!existsSync("/proc/locks"))("while a process has a run open", () => {
  for (const by of ["file", "link"] as const) {
    test(`no public function opens its file by a descriptor or drops a lock on it, by the path of the ${by}`, async () => {
      const run = newRun();
      const { program, looks } = await looker(run, run[by]);
      const guilty: Record<string, string[]> = {};
      for (const look of looks) {
        const answer = await program
          .ask(`one ${look}`)
          .then((json): { held: number; calls: string[]; lost: string[]; error: string | null } => JSON.parse(json));
        // A shared lock on the database and one on -shm, as long as the run is open.
        expect(answer.held, look).toBe(2);
        const faults = [...answer.calls, ...answer.lost.map((lock) => `lost ${lock}`)];
        if (answer.error !== null) faults.push(`failed with ${answer.error}`);
        if (faults.length > 0) guilty[look] = faults;
      }
      await program.finish();
      expect(guilty).toEqual({});
    });
  }
});

describe.skipIf(!hasPython)("after a process with the run open called every public function", () => {
  for (const by of ["file", "link"] as const) {
    test(`the Python module can open, write and close it without loss, by the path of the ${by}`, async () => {
      const run = newRun();
      const { program } = await looker(run, run[by]);
      const { logged } = await program.ask("all").then((json): { logged: number } => JSON.parse(json));
      const wal = readFileSync(`${run.file}-wal`).length;
      const python = await openReference(run.folder, runId);
      await python.call("log_event", { kind: "failed" });
      await python.close();
      expect(existsSync(`${run.file}-wal`), "it was not the last one").toBe(true);
      expect(readFileSync(`${run.file}-wal`).length).toBeGreaterThanOrEqual(wal);
      using board = openBlackboard({ root: run.root, runId });
      expect(board.getRunSummary().events).toMatchObject({ spawned: 20, retried: logged, failed: 1 });
      expect(api.verifyBlackboard({ root: run.root, runId }).problems).toEqual([]);
      await program.finish();
    });
  }
});

test("the functions called while the run is open include every public function", async () => {
  const run = newRun();
  const { program, looks } = await looker(run, run.file);
  await program.finish();
  const functions = Object.entries(api)
    .filter(([, value]) => typeof value === "function" && !/^class\b/.test(String(value)))
    .map(([name]) => name);
  const missing = functions.filter(
    (name) => !withoutFiles.includes(name) && !looks.some((look) => look.startsWith(name)),
  );
  expect(missing).toEqual([]);
});
