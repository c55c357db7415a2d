/**
 * Deletes the files of finished runs under a root.
 */
import {
  accessSync,
  closeSync,
  constants,
  type Dirent,
  existsSync,
  lstatSync,
  openSync,
  readdirSync,
  rmdirSync,
  unlinkSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { max } from "drizzle-orm";
import { briefs, events, runs, workstreams } from "../../../drizzle/schema.ts";
import { BlackboardError, InvalidInputError } from "../../errors.ts";
import { messageOf } from "../../foreign.ts";
import { Check } from "../../input/check.ts";
import { checkRoot } from "../../input/options.ts";
import { realPathOf } from "../../input/real-path.ts";
import { reader } from "../../operations/read-context.ts";
import { listEachRun } from "../../operations/run-listings.ts";
import {
  ageOf,
  type CheckedRule,
  checkRule,
  type PrunedRun,
  type PruneRule,
  type RunAge,
  reasonToKeep,
  ruleNames,
} from "../../transfer/prune-rule.ts";
import { openExclusive } from "../connection/exclusive.ts";
import { companions } from "../connection/file.ts";
import { identityOf } from "../connection/path-check.ts";
import { SqliteEngine } from "../engine.ts";
import { translated } from "../errors.ts";
import { openFile } from "./view.ts";

/** `root` is the folder that contains the runs, `"runs"` by default. */
export type PruneOptions = PruneRule & { root?: string | undefined };

/**
 * Deletes the files of runs under a root that are `done` or `failed` and have not changed for `olderThanMs`. Returns the outcome
 * for each run, ordered by folder name. Deletes a file with several runs only if all of them qualify.
 *
 * Keeps a file that any process has open or that cannot be read. Deletes only `blackboard.db` and SQLite's files next to it, and
 * then the folder if it is empty. Does not follow symbolic links.
 *
 * ```ts
 * for (const { runId, outcome } of pruneRuns({ olderThanMs: 30 * 86_400_000, dryRun: true })) console.log(runId, outcome);
 * ```
 *
 * @throws InvalidInputError, also for a root that cannot be read.
 */
export function pruneRuns(options: PruneOptions): PrunedRun[] {
  const check = new Check();
  const given = check.object<PruneOptions>("options", options, { ...ruleNames, root: true });
  const root = checkRoot(check, given.root);
  const rule = checkRule(check, given);
  return entriesOf(root).flatMap((entry) => pruneEntry(realPathOf(resolve(root)), entry, rule));
}

function entriesOf(root: string): Dirent[] {
  try {
    return readdirSync(root, { withFileTypes: true }).sort((one, other) => (one.name < other.name ? -1 : 1));
  } catch (error) {
    const message = `cannot be read: ${messageOf(error)}`;
    throw new InvalidInputError([{ path: "root", message }], { cause: error });
  }
}

function pruneEntry(root: string, entry: Dirent, rule: CheckedRule): PrunedRun[] {
  const location = join(root, entry.name, "blackboard.db");
  const kept = (reason: string): PrunedRun[] => [
    { runId: entry.name, location, status: null, changedAt: null, outcome: "kept", reason },
  ];
  if (entry.isSymbolicLink()) return kept("it is a symbolic link, which prune does not follow");
  if (!entry.isDirectory()) return [];
  try {
    const file = lstatSync(location, { throwIfNoEntry: false });
    if (!file) return [];
    if (!file.isFile()) return kept("blackboard.db is not a regular file");
    if (file.nlink > 1) return kept("blackboard.db has more than one hard link");
    const ages = readAges(location);
    if (ages.length === 0) return kept("the file contains no runs");
    const { outcome, reason } = decide(location, ages, rule);
    return ages.map(({ runId, status, changedAt }) => ({ runId, location, status, changedAt, outcome, reason }));
  } catch (error) {
    const known = translated(error, location);
    if (!(known instanceof BlackboardError)) throw error;
    return kept(known.message);
  }
}

function readAges(location: string): RunAge[] {
  const { engine } = openFile(location, false);
  try {
    return engine
      .run(() => listEachRun(reader))
      .map(({ summary, error }) => {
        if (error) throw error;
        return ageOf(summary);
      });
  } finally {
    engine.close();
  }
}

function decide(location: string, ages: readonly RunAge[], rule: CheckedRule): Pick<PrunedRun, "outcome" | "reason"> {
  const reason = reasonOf(ages, rule);
  if (reason !== null) return { outcome: "kept", reason };
  if (rule.dryRun) {
    const obstacle = obstacleTo(location);
    return obstacle === null ? { outcome: "due", reason: null } : { outcome: "kept", reason: obstacle };
  }
  const obstacle = deleteFile(location, rule);
  return obstacle === null ? { outcome: "deleted", reason: null } : { outcome: "kept", reason: obstacle };
}

function reasonOf(ages: readonly RunAge[], rule: CheckedRule): string | null {
  for (const age of ages) {
    const reason = reasonToKeep(age, rule);
    if (reason !== null) return ages.length === 1 ? reason : `its file also contains run ${age.runId}: ${reason}`;
  }
  return null;
}

/** Returns why `deleteFile` would not delete a file, or null. */
function obstacleTo(location: string): string | null {
  for (const path of [location, dirname(location)]) {
    try {
      accessSync(path, constants.W_OK);
    } catch (error) {
      return `this user cannot delete it: ${messageOf(error)}`;
    }
  }
  // Without -shm no process has it open in WAL mode, and locking the file would write to it.
  if (!existsSync(`${location}-shm`)) return null;
  const exclusive = openExclusive(location);
  exclusive?.close();
  return exclusive ? null : openElsewhere;
}

const openElsewhere = "another process has it open";

/** Deletes a file that no other connection has open. Returns why it could not, or null. */
function deleteFile(location: string, rule: CheckedRule): string | null {
  const exclusive = openExclusive(location);
  if (!exclusive) return openElsewhere;
  const folder = dirname(location);
  try {
    const { client, identity } = exclusive;
    // Another process may have written to the file since it was read.
    const engine = new SqliteEngine(
      { client, isSnapshot: false, path: undefined, close: exclusive.close },
      { location, busyTimeoutMs: 0, logger: undefined },
    );
    const reason = currentReason(engine, rule);
    if (reason !== null) return reason;
    const obstacle = inFolder(folder, (inside) => {
      const file = join(inside, basename(location));
      const found = lstatSync(file, { throwIfNoEntry: false });
      if (!found?.isFile() || identityOf(file) !== identity) return "it was replaced by a different file or a link";
      exclusive.discard(() => {
        // The lock prevents others from opening the file, so the companions next to it are its own.
        for (const companion of companions) removeIfThere(file + companion);
        unlinkSync(file);
      });
      return null;
    });
    if (obstacle !== null) return obstacle;
  } finally {
    exclusive.close();
  }
  removeIfEmpty(folder);
  return null;
}

/**
 * Calls `work` with a path to the folder that stays valid if a link replaces the folder in the meantime: on Linux, a path through
 * a descriptor of the folder.
 */
function inFolder(folder: string, work: (inside: string) => string | null): string | null {
  if (!lstatSync(folder).isDirectory()) return "its folder was replaced by a link";
  if (process.platform !== "linux") return work(folder);
  const descriptor = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    return work(`/proc/self/fd/${descriptor}`);
  } finally {
    closeSync(descriptor);
  }
}

/** Returns why a run of the file must be kept, or null. Checks all runs of the file; uses only columns of the oldest schema. */
function currentReason({ drizzle }: SqliteEngine, rule: CheckedRule): string | null {
  const statuses = drizzle.selectDistinct({ runId: runs.runId, status: runs.status }).from(runs).all();
  const times = [
    drizzle
      .select({ changedAt: max(runs.updatedAt) })
      .from(runs)
      .all(),
    drizzle
      .select({ changedAt: max(workstreams.updatedAt) })
      .from(workstreams)
      .all(),
    drizzle
      .select({ changedAt: max(briefs.updatedAt) })
      .from(briefs)
      .all(),
    drizzle
      .select({ changedAt: max(events.createdAt) })
      .from(events)
      .all(),
  ].flat();
  const ages = statuses.flatMap((run) => times.flatMap(({ changedAt }) => (changedAt ? [{ ...run, changedAt }] : [])));
  return reasonOf(ages, rule);
}

function removeIfThere(file: string): void {
  if (lstatSync(file, { throwIfNoEntry: false })?.isFile()) unlinkSync(file);
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Not empty, or no permission. The run is deleted nevertheless.
  }
}
