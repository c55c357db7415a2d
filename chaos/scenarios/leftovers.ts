/**
 * A crashed run's -wal or hot -journal exists at the path where a run is imported, copied, backed up, restored or opened. After a
 * success, the file contains exactly the source run; a rejected call changes no byte. Some processes are killed during the
 * operation: then the target is absent or complete.
 */
import { copyFileSync, existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { backupBlackboard } from "run-blackboard";
import { restoreFunction } from "../actors/looks.ts";
import type { Way } from "../actors/put.ts";
import { type Contents, contentsOf, fingerprints } from "../contents.ts";
import { put } from "../put.ts";
import type { Scenario, Stage } from "../stage.ts";

const endings = ["", "-wal", "-shm", "-journal"];

interface Crashed {
  readonly leaves: "wal" | "journal";
  readonly runId: string;
  readonly file: string;
  /** The contents including those of the companion files. */
  readonly contents: Contents;
}

interface Source {
  readonly runId: string;
  readonly file: string;
  readonly contents: Contents;
}

/** What exists at the target before the operation. */
type Situation = "nothing" | "companions only" | "the crashed run" | "a backup over the crashed run";
interface Case {
  readonly situation: Situation;
  readonly way: Way;
}

const newFileWays = ["importRun", "copyRun", "backupBlackboard", "openBlackboard", "restoreBlackboard"] as const;
const touches = [
  "openBlackboard",
  "migrateBlackboard",
  "migrationStatus",
  "viewBlackboard",
  "openBlackboard with readonly",
  "exportRun",
  "verifyBlackboard",
] as const;
const cases: readonly Case[] = [
  ...(["importRun", "backupBlackboard", "restoreBlackboard"] as const).map(
    (way) => ({ situation: "nothing", way }) as const,
  ),
  ...newFileWays.map((way) => ({ situation: "companions only", way }) as const),
  ...(["importRun", "copyRun", "backupBlackboard", "restoreBlackboard", "restoreBlackboard with force"] as const).map(
    (way) => ({ situation: "the crashed run", way }) as const,
  ),
  ...touches.map((way) => ({ situation: "a backup over the crashed run", way }) as const),
];

export const leftovers: Scenario = {
  problem: "leftovers",
  share: 3,
  run: async (stage) => {
    const { random } = stage;
    const crashes = await Promise.all(
      (["wal", "wal", "wal", "journal", "journal"] as const).map((leaves, n) => crash(stage, leaves, n)),
    );
    const sources = [3, 60, 400].map((briefs, n) => source(stage, n, briefs));
    const possible = cases.filter(({ way }) => restoreFunction() || !way.startsWith("restore"));
    const lane = async (which: number) => {
      // Each lane starts with a different half of the cases, so that a short run covers all of them.
      for (let n = which, queue = random.shuffled(possible); which === n || !stage.isOver || n < queue.length; n += 2) {
        const one = queue[n % queue.length];
        if (one) await round(stage, one, `${n}`, random.pick(crashes), random.pick(sources));
      }
    };
    await Promise.all([lane(0), lane(1)]);
  },
};

async function crash(stage: Stage, leaves: Crashed["leaves"], n: number): Promise<Crashed> {
  const runId = `crashed${n}`;
  const file = join(stage.made(`crashed-${n}`), "blackboard.db");
  const inFile = leaves === "wal" ? stage.random.pick([0, 5, 300]) : 300;
  const task = { leaves, file, runId, inFile, inWal: stage.random.between(3, 200) };
  const actor = stage.start("crash", runId, task);
  await actor.line("ready");
  actor.kill();
  await actor.ended;
  return { leaves, runId, file, contents: contentsOf(file) };
}

function source(stage: Stage, n: number, briefs: number): Source {
  const runId = `source${n}`;
  // A backup is vacuumed, so its tables start at different pages than in the original file.
  const file = join(stage.folder, `${runId}.db`);
  backupBlackboard({ file: stage.newRun(stage.made("sources"), runId, briefs) }, file);
  return { runId, file, contents: contentsOf(file) };
}

async function round(
  stage: Stage,
  { situation, way }: Case,
  name: string,
  crashed: Crashed,
  from: Source,
): Promise<void> {
  const folder = stage.made(`round-${name}-${situation.replaceAll(" ", "-")}-${way.replaceAll(" ", "-")}`);
  const to = join(folder, "blackboard.db");
  for (const ending of endings) {
    const isWanted = situation !== "nothing" && (ending !== "" || situation === "the crashed run");
    if (isWanted && existsSync(crashed.file + ending)) copyFileSync(crashed.file + ending, to + ending);
  }
  if (situation === "a backup over the crashed run") copyFileSync(from.file, to);
  if (stage.random.chance(0.3)) rmSync(`${to}-shm`, { force: true });
  // Without -shm, SQLite's index of the -wal, which SQLite recreates when needed.
  const paths = ["", "-wal", "-journal"].map((ending) => to + ending);
  const before = fingerprints(paths);
  const isOver = situation === "a backup over the crashed run";
  const toRunId = way === "openBlackboard" && !isOver ? "fresh" : from.runId;
  const task = { way, from: from.file, runId: from.runId, to, toRunId, scratch: folder };
  const about = `${way}, ${situation}, left: ${crashed.leaves}`;
  const isKilled = !isOver && stage.random.chance(situation === "nothing" ? 0.9 : 0.25);
  // Half of the kills are between two file system calls, when links, renames and removals are incomplete.
  const killAfterCall = isKilled && stage.random.chance(0.5) ? stage.random.between(1, 12) : undefined;
  const killAfterMs = isKilled && killAfterCall === undefined ? stage.random.between(0, 40) : undefined;
  const { outcome, message } = await put(stage, `put${name}`, { ...task, killAfterCall }, killAfterMs, about);
  stage.count(`${outcome === "done" || outcome === "killed" ? outcome : "refused"} with leftovers`);
  const after = fingerprints(paths);
  const changed = paths.filter((path) => before[path] !== after[path]);
  if (outcome === "done") {
    if (!isOver) checkDone(stage, about, { situation, way }, to, crashed, from);
  } else if (outcome === "killed") {
    if (existsSync(to)) checkKilled(stage, about, { situation, way }, to, from);
    if (existsSync(to) && situation === "nothing") {
      const next = await put(stage, `next${name}`, { ...task, way: "openBlackboard" });
      if (next.outcome !== "done") {
        const example = `${about}: ${next.outcome}, ${next.message}`;
        stage.found("the target of a killed process cannot be opened", { example });
      }
    }
  } else if (changed.length > 0) {
    const names = changed.map((path) => path.slice(folder.length + 1)).join(", ");
    stage.found("a refused call changed the file or its companions", {
      example: `${about}: ${outcome}, changed ${names}`,
    });
  }
  if (outcome === "CORRUPT" && !isOver)
    stage.found("a call on leftovers failed with CORRUPT", { example: `${about}: ${message}` });
  const parts = readdirSync(folder).filter((file) => file.includes(".part"));
  if (parts.length > 0 && outcome !== "killed")
    stage.found("an incomplete copy was left", { example: `${about}: ${parts[0]}` });
  rmSync(folder, { recursive: true });
}

function checkDone(
  stage: Stage,
  about: string,
  { situation, way }: Case,
  to: string,
  crashed: Crashed,
  from: Source,
): void {
  const there = contentsOf(to);
  if (there.integrity !== "ok")
    stage.found("a call succeeded but the file is damaged", { example: `${about}: ${there.integrity}` });
  else if (way === "openBlackboard") {
    const old = there.briefs.length;
    if (old > 0) stage.found("a new run holds a crashed run's rows", { count: old, example: about });
  } else if (situation !== "the crashed run" || way.startsWith("restore")) {
    if (there.text !== from.contents.text) {
      const example = `${about}: ${there.briefs.length} briefs instead of ${from.contents.briefs.length}`;
      stage.found("the file does not contain the source run", { example });
    }
  } else if (way === "backupBlackboard") stage.found("a backup overwrote a file", { example: about });
  else checkBoth(stage, about, there, crashed, from);
}

/** Checks that an import into a crashed run's own file keeps that run's rows. */
function checkBoth(stage: Stage, about: string, there: Contents, crashed: Crashed, from: Source): void {
  const due = [...crashed.contents.briefs, ...from.contents.briefs].map((row) => row.brief_id);
  const ids = new Set(there.briefs.map((row) => row.brief_id));
  const missing = due.filter((id) => !ids.has(id));
  if (missing.length === 0 && ids.size === due.length) return;
  const example = `${about}: ${ids.size} briefs instead of ${due.length}`;
  stage.found("an import into a crashed run's file lost rows", { count: missing.length, of: due.length, example });
}

function checkKilled(stage: Stage, about: string, { situation, way }: Case, to: string, from: Source): void {
  const there = contentsOf(to);
  const isNew = way === "openBlackboard" && situation === "companions only";
  if (isNew) {
    if (there.briefs.length > 0)
      stage.found("a new run holds a crashed run's rows", { count: there.briefs.length, example: about });
  } else if (there.integrity !== "ok") {
    stage.found("a killed process left a damaged file", { example: `${about}: ${there.integrity}` });
  } else if (situation !== "the crashed run" && there.text !== from.contents.text) {
    stage.found("a killed process left an incomplete run", { example: about });
  }
}
