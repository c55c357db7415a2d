/**
 * A file is removed, moved or replaced, or its folder renamed, while a process has it open. After a few seconds no write may be
 * acknowledged, and watches and held claims must have ended. Writes by other processes into a new file of the same name must all
 * be present, as must writes that were acknowledged before a folder was renamed.
 */
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { checkRun } from "../check.ts";
import { endPart } from "../crew.ts";
import { type JournalOf, readJournal, readJournals } from "../journal.ts";
import type { Part } from "../processes.ts";
import type { Scenario, Stage } from "../stage.ts";

/** Time within which a process must notice, in milliseconds. */
const noticeMs = 5000;

const companions = ["-wal", "-shm"];
const removeAll = (file: string) => {
  for (const ending of ["", ...companions]) rmSync(file + ending, { force: true });
};

/** Ways to remove or replace the open `file`; `spare` is a closed file of the same run. Return the open file's new path, if any. */
const ways: Readonly<Record<string, (file: string, spare: string) => string | undefined>> = {
  "rm of the file": (file) => {
    rmSync(file);
    return undefined;
  },
  "rm of the file and its companions": (file) => {
    removeAll(file);
    return undefined;
  },
  "rm -r of the folder": (file) => {
    rmSync(dirname(file), { recursive: true });
    return undefined;
  },
  "mv of the file": (file) => {
    renameSync(file, `${file}.old`);
    return undefined;
  },
  "a restore over it": (file, spare) => {
    renameSync(spare, file);
    return undefined;
  },
  "rm, then a different file of the same name": (file, spare) => {
    removeAll(file);
    copyFileSync(spare, file);
    return undefined;
  },
  "a renamed folder": (file) => {
    const folder = `${dirname(file)}-renamed`;
    renameSync(dirname(file), folder);
    return join(folder, "blackboard.db");
  },
  "a folder swapped for a link": (file, spare) => {
    const folder = `${dirname(file)}-swapped`;
    renameSync(dirname(file), folder);
    symlinkSync(dirname(spare), dirname(file));
    return join(folder, "blackboard.db");
  },
  "a renamed root": (file) => {
    const root = dirname(dirname(file));
    renameSync(root, `${root}-renamed`);
    return join(`${root}-renamed`, "gone", "blackboard.db");
  },
};

export const gone: Scenario = {
  problem: "gone",
  share: 3,
  run: async (stage) => {
    for (let round = 0; round === 0 || Date.now() + noticeMs < stage.until; round++) {
      await Promise.all(Object.keys(ways).map((way, n) => once(stage, way, `${round}-${n}`)));
    }
  },
};

async function once(stage: Stage, way: string, name: string): Promise<void> {
  const folder = stage.made(name);
  const runId = "gone";
  const file = stage.newRun(join(folder, "runs"), runId, 3);
  const spare = stage.newRun(join(folder, "spare"), runId, 3);
  const journals = stage.made(`journals-${name}`);
  const journal = join(journals, "stay.journal");
  const actor = stage.start("stay", `stay${name}`, { runId, file, journal });
  await actor.line("open");
  await setTimeout(stage.random.between(50, 400));
  const pause = stage.random.chance(0.3) ? actor.pause(stage.random.between(100, 800)) : undefined;
  if (pause) await setTimeout(20);
  const movedTo = ways[way]?.(file, spare);
  const removedAt = Date.now();
  // The old companions are still next to the restored file, and SQLite cannot detect that they belong to the old one.
  const isPaired = way === "a restore over it";
  const next = !isPaired && stage.random.chance(0.7) ? startNext(stage, name, file, journals) : undefined;
  await pause;
  const noticed = Date.now() + noticeMs;
  await setTimeout(noticeMs + 1000);
  const entries = readJournal(journal);
  const late = entries.filter((entry) => entry.did === "event" && entry.at > noticed);
  if (late.length > 0) {
    const what = `writes were acknowledged more than ${noticeMs / 1000} s after the file was removed or replaced`;
    stage.found(what, { count: late.length, example: way });
  }
  for (const what of ["watch", "readonly watch", "held claim", "writer"]) {
    const end = entries.find((entry) => entry.did === "note" && entry.what === what);
    if (end?.did !== "note")
      stage.found(`a ${what} did not end after the file was removed or replaced`, { example: way });
    else if (what === "writer" && end.detail !== "NO_SUCH_FILE") {
      stage.found("writes into a removed file failed with a code other than NO_SUCH_FILE", {
        example: `${way}: ${end.detail}`,
      });
    }
  }
  if (!(await actor.stop(10_000))) stage.found("a process does not end on SIGTERM", { example: way });
  stage.checkEnding(actor, await actor.ended);
  if (next) await endPart(stage, next);
  const all = readJournals(journals);
  // Writes right after the change may be lost: they were acknowledged before the process could notice it.
  if (movedTo !== undefined) checkRun(stage, movedTo, [before(all, removedAt)], { codes: ["NO_SUCH_FILE"] });
  const byNext = all.filter((one) => one.name !== "stay");
  // Opening is rejected if the removed file's -wal is still at its path.
  const isRefused =
    !existsSync(file) && byNext.every(({ entries }) => entries.every(({ did }) => did === "note" || did === "error"));
  if (next && !isRefused) checkRun(stage, file, byNext, { codes: ["NO_SUCH_FILE", "CANNOT_OPEN"] });
  stage.count("files removed or replaced");
}

/** Starts workers that open the path again, creating a new run if there is no file. */
function startNext(stage: Stage, name: string, file: string, journals: string): Part {
  const scratch = stage.made("scratch");
  const root = dirname(dirname(file));
  mkdirSync(dirname(file), { recursive: true });
  return stage.part((generation) => {
    const next = `next${name}-${generation}`;
    const journal = join(journals, `${next}.journal`);
    const more = { scratch, looks: 0, leaseMs: 60_000, pauseMs: 10 };
    return stage.start("work", next, { root, runId: "gone", file, journal, ...more });
  });
}

function before(journals: readonly JournalOf[], time: number): JournalOf {
  const entries = journals.find(({ name }) => name === "stay")?.entries ?? [];
  return { name: "stay", entries: entries.filter((entry) => entry.did === "event" && entry.at < time) };
}
