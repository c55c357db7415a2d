/**
 * Deleting the files of finished runs under a root.
 */
import { type Dirent, lstatSync, readdirSync, rmdirSync, unlinkSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import Database from "better-sqlite3";
import { max } from "drizzle-orm";
import { briefs, events, runs, workstreams } from "../../drizzle/schema.ts";
import { SqliteEngine } from "../engines/sqlite.ts";
import { isBusy, translated } from "../engines/sqlite-errors.ts";
import { BlackboardError, InvalidInputError } from "../errors.ts";
import { Check } from "../input/check.ts";
import { reader } from "../inspection/reader.ts";
import { openFile } from "../inspection/view.ts";
import { listEachRun } from "../operations/run-listings.ts";
import {
  ageOf,
  type CheckedRule,
  checkRule,
  type PrunedRun,
  type PruneRule,
  type RunAge,
  reasonToKeep,
  ruleNames,
} from "./prune-rule.ts";

/** `root` is the folder that holds the runs, `"runs"` when left out. */
export type PruneOptions = PruneRule & { root?: string | undefined };

/**
 * Deletes the files of runs under a root that are `done` or `failed` and have not been changed for `olderThanMs`. Gives what
 * became of each run there, in order of the folders' names. A file with several runs goes only when all of them may.
 *
 * A file that any process has open is kept, as is one that cannot be read. Of a run's folder only `blackboard.db` and SQLite's
 * own files beside it are deleted, and the folder when it is empty then. Links are not followed.
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
  const root = given.root === undefined ? "runs" : check.text("root", given.root);
  const rule = checkRule(check, given);
  return entriesOf(root).flatMap((entry) => pruneEntry(resolve(root), entry, rule));
}

function entriesOf(root: string): Dirent[] {
  try {
    return readdirSync(root, { withFileTypes: true }).sort((one, other) => (one.name < other.name ? -1 : 1));
  } catch (error) {
    const message = `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    throw new InvalidInputError([{ path: "root", message }], { cause: error });
  }
}

function pruneEntry(root: string, entry: Dirent, rule: CheckedRule): PrunedRun[] {
  const location = join(root, entry.name, "blackboard.db");
  const kept = (reason: string): PrunedRun[] => [
    { runId: entry.name, location, status: null, changedAt: null, outcome: "kept", reason },
  ];
  if (entry.isSymbolicLink()) return kept("it is a link, and links are not followed");
  if (!entry.isDirectory()) return [];
  try {
    const file = lstatSync(location, { throwIfNoEntry: false });
    if (!file) return [];
    if (!file.isFile()) return kept("blackboard.db is not a file but a link or something else, which is not followed");
    const ages = readAges(location);
    if (ages.length === 0) return kept("the file holds no run");
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
  if (rule.dryRun) return { outcome: "due", reason: null };
  const hindrance = deleteFile(location, rule);
  return hindrance === null ? { outcome: "deleted", reason: null } : { outcome: "kept", reason: hindrance };
}

function reasonOf(ages: readonly RunAge[], rule: CheckedRule): string | null {
  for (const age of ages) {
    const reason = reasonToKeep(age, rule);
    if (reason !== null) return ages.length === 1 ? reason : `its file also holds ${age.runId}: ${reason}`;
  }
  return null;
}

/**
 * Deletes a file that nobody else has open, and gives why it could not otherwise.
 *
 * A connection in WAL mode holds a shared lock for as long as it is open, so SQLite lets a file leave that mode only when
 * there is no other. From then on an exclusive lock keeps everybody out. Who opened the file in that moment and is waiting
 * would go on in a file that has no name any more, and lose what he writes: he is to find the table of runs gone, an error.
 * That change is committed behind the deletion, so that a process killed in between leaves the file as it was.
 */
function deleteFile(location: string, rule: CheckedRule): string | null {
  const client = new Database(location, { fileMustExist: true, timeout: 0 });
  let mode: unknown;
  let isDeleted = false;
  try {
    mode = client.pragma("journal_mode", { simple: true });
    client.pragma("journal_mode = DELETE");
    client.pragma("journal_mode = MEMORY");
    client.exec("BEGIN EXCLUSIVE");
    // It may have been written since it was looked at.
    const change = changeOf(new SqliteEngine(client, { location, busyTimeoutMs: 0, logger: undefined }), rule);
    if (change !== null) return change;
    // What users added to the file may name the table, and need not go on working.
    client.pragma("legacy_alter_table = ON");
    client.exec("ALTER TABLE runs RENAME TO pruned_runs");
    unlinkSync(location);
    isDeleted = true;
    client.exec("COMMIT");
  } catch (error) {
    if (isBusy(error)) return "another process has it open";
    throw error;
  } finally {
    if (!isDeleted) giveBack(client, mode);
    client.close();
  }
  for (const ending of ["-wal", "-shm", "-journal"]) removeIfThere(location + ending);
  removeIfEmpty(dirname(location));
  return null;
}

/** Of all runs of the file at once, since all of them must be old. Only columns that the oldest schema has. */
function changeOf({ drizzle }: SqliteEngine, rule: CheckedRule): string | null {
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

function giveBack(client: Database.Database, mode: unknown): void {
  if (client.inTransaction) client.exec("ROLLBACK");
  if (mode !== "wal") return;
  try {
    client.pragma("journal_mode = WAL");
  } catch (error) {
    // Whoever has it open keeps it in the mode that it is in, or whoever opens it next sets it.
    if (!isBusy(error)) throw error;
  }
}

function removeIfThere(file: string): void {
  if (lstatSync(file, { throwIfNoEntry: false })?.isFile()) unlinkSync(file);
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOTEMPTY")) throw error;
  }
}
