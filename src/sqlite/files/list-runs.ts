/**
 * Lists all runs under a root. A file that cannot be read is listed with its error and does not fail the list.
 */
import { type Dirent, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { InvalidInputError } from "../../errors.ts";
import { messageOf } from "../../foreign.ts";
import { realPathOf } from "../../input/real-path.ts";
import type { ListedSummary } from "../../operations/overview.ts";
import { reader } from "../../operations/read-context.ts";
import { listEachRun } from "../../operations/run-listings.ts";
import type { Run } from "../../operations/runs.ts";
import type { MigrationStatus } from "../migrations/status.ts";
import { openFile } from "./view.ts";

/** A run in the list. Fields that could not be read are null. */
export interface RunListing {
  /** The run's id, or null if it is not text; the folder's name if the file cannot be read or contains no run yet. */
  runId: string | null;
  /** The file's absolute path, or the server and database without credentials. */
  location: string;
  /** The state of the schema compared with this version's. */
  state: MigrationStatus["state"] | null;
  run: Run | null;
  summary: ListedSummary | null;
  /** Why the run cannot be read: a BlackboardError, or an unexpected error. */
  error: Error | null;
}

export function listRunsUnder(root: string): RunListing[] {
  return runFolders(root).flatMap((runId) => listFile(runId, realPathOf(resolve(root, runId, "blackboard.db"))));
}

function listFile(runId: string, location: string): RunListing[] {
  const unknown = { runId, location, state: null, run: null, summary: null };
  try {
    const { engine, state } = openFile(location, false);
    try {
      const found = engine.run(() => listEachRun(reader));
      if (found.length === 0) return [{ ...unknown, state, error: null }];
      return found.map(({ runId: own, ...rest }) => ({ runId: own, location, state, ...rest }));
    } finally {
      engine.close();
    }
  } catch (error) {
    return [{ ...unknown, error: error instanceof Error ? error : new Error(messageOf(error), { cause: error }) }];
  }
}

/** Returns the names of the folders that contain a blackboard.db, sorted. */
export function runFolders(root: string): string[] {
  return foldersOf(root)
    .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
    .filter(({ name }) => holdsBlackboard(join(root, name)))
    .map(({ name }) => name)
    .sort();
}

function holdsBlackboard(folder: string): boolean {
  try {
    return readdirSync(folder).includes("blackboard.db");
  } catch {
    // Not readable by this user, or not a folder.
    return false;
  }
}

function foldersOf(root: string): Dirent[] {
  try {
    return readdirSync(root, { withFileTypes: true });
  } catch (error) {
    throw new InvalidInputError([{ path: "root", message: `cannot be read: ${messageOf(error)}` }], { cause: error });
  }
}
