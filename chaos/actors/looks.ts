/** Calls of every public function that reads or copies a run, for a run that this process may have open. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { BriefStatus } from "run-blackboard";
import * as api from "run-blackboard";

interface Target {
  readonly root: string;
  readonly runId: string;
  readonly file: string;
  /** A folder for copies. */
  readonly scratch: string;
}

/** Reads a run. Returns the number of briefs, or `undefined` if the function does not read briefs. */
type Look = (target: Target) => number | undefined | Promise<number | undefined>;

const sum = (counts: Record<BriefStatus, number>) => Object.values(counts).reduce((total, count) => total + count, 0);

let copies = 0;
/** Calls `work` with a path where no file exists, then deletes the file and its companions. */
async function withCopy<T>({ scratch }: Target, work: (file: string) => T | Promise<T>): Promise<T> {
  const file = join(scratch, `${process.pid}-${copies++}.db`);
  try {
    return await work(file);
  } finally {
    for (const ending of ["", "-wal", "-shm", "-journal"]) rmSync(file + ending, { force: true });
  }
}

function seen({ file, runId }: Target, live: boolean): number {
  using view = api.viewBlackboard({ file, runId, live });
  return sum(view.board.getRunSummary().briefs);
}

async function exported({ file, runId }: Target): Promise<string> {
  let text = "";
  for await (const piece of api.exportRun({ file, runId })) text += piece;
  return text;
}

export const looks: Readonly<Record<string, Look>> = {
  migrationStatus: ({ file }) => {
    const { state } = api.migrationStatus({ file });
    if (state !== "current") throw new Error(`the state is ${state}`);
    return undefined;
  },
  "migrateBlackboard with dryRun": ({ file }) => {
    api.migrateBlackboard({ file, dryRun: true });
    return undefined;
  },
  migrateBlackboard: ({ file }) => {
    api.migrateBlackboard({ file, backup: true });
    return undefined;
  },
  viewBlackboard: (target) => seen(target, false),
  "viewBlackboard with live": (target) => seen(target, true),
  "openBlackboard with readonly": ({ file, runId }) => {
    using board = api.openBlackboard({ file, runId, readonly: true });
    return sum(board.getRunSummary().briefs);
  },
  openBlackboard: ({ file, runId }) => {
    using board = api.openBlackboard({ file, runId });
    return sum(board.getRunSummary().briefs);
  },
  listRuns: ({ root, runId }) => {
    const listed = api.listRuns({ root }).find((run) => run.runId === runId);
    if (listed?.error) throw listed.error;
    return listed?.summary ? sum(listed.summary.briefs) : 0;
  },
  listRunIds: ({ root }) => {
    api.listRunIds({ root });
    return undefined;
  },
  summarizeRun: ({ file, runId }) => {
    using view = api.viewBlackboard({ file, runId });
    return sum(api.summarizeRun(view.board).briefs);
  },
  reportRun: ({ file, runId }) => {
    using view = api.viewBlackboard({ file, runId });
    api.reportRun(view.board);
    return undefined;
  },
  exportRun: async (target) => (await exported(target)).split('\n{"brief"').length - 1,
  copyRun: (target) =>
    withCopy(target, async (file) => {
      const { file: from, runId } = target;
      return (await api.copyRun({ file: from, runId }, { file })).briefs;
    }),
  "importRun into a file that has the run": async (target) => {
    try {
      await api.importRun([await exported(target)], { file: target.file });
    } catch (error) {
      if (error instanceof api.ConflictError) return undefined;
      throw error;
    }
    throw new Error("an existing run was imported again");
  },
  backupBlackboard: (target) =>
    withCopy(target, (copy) => {
      api.backupBlackboard({ file: target.file }, copy);
      return seen({ ...target, file: copy }, false);
    }),
  verifyBlackboard: ({ file }) => {
    const { problems } = api.verifyBlackboard({ file });
    if (problems.length > 0) throw new Error(`verify: ${JSON.stringify(problems).slice(0, 300)}`);
    return undefined;
  },
  "verifyBlackboard with repair": ({ file }) => {
    api.verifyBlackboard({ file, repair: true });
    return undefined;
  },
  "pruneRuns with dryRun": ({ root }) => {
    api.pruneRuns({ root, olderThanMs: 0, dryRun: true });
    return undefined;
  },
  pruneRuns: ({ root, runId }) => {
    const gone = api
      .pruneRuns({ root, olderThanMs: 0 })
      .filter((run) => run.runId === runId && run.outcome === "deleted");
    if (gone.length > 0) throw new Error("a run that is neither done nor failed was deleted");
    return undefined;
  },
  "restoreBlackboard over an open run": (target) => {
    const restore = restoreFunction();
    if (!restore) return undefined;
    return withCopy(target, (copy) => {
      api.backupBlackboard({ file: target.file }, copy);
      try {
        restore(copy, { file: target.file }, { force: true });
      } catch (error) {
        if (error instanceof api.BlackboardError) return undefined;
        throw error;
      }
      throw new Error("a run was restored over while this process had it open");
    });
  },
};

type Restore = (backup: string, location: object, options?: { force?: boolean }) => unknown;

/** Returns `restoreBlackboard` if this version of the package exports it. */
export function restoreFunction(): Restore | undefined {
  const restore: unknown = Reflect.get(api, "restoreBlackboard");
  if (typeof restore !== "function") return undefined;
  return (...args) => Reflect.apply(restore, undefined, args);
}
