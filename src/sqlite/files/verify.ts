/**
 * Verifies a blackboard: the file, its schema, and the references between its rows.
 */
import { BlackboardError } from "../../errors.ts";
import { type Flaw, findFlaws } from "../../operations/consistency.ts";
import { recount } from "../../operations/recount.ts";
import { connect } from "../connection/connection.ts";
import { SqliteEngine } from "../engine.ts";
import { migrations } from "../migrations/embedded.sqlite.ts";
import { type FileProblem, type FileVerification, repairFile, verifyFile } from "../migrations/verify.ts";
import { openFile } from "./view.ts";

/**
 * A problem of the file, or of its rows: `orphan`: a brief whose parent, workstream or dependency is missing, or an event whose
 * brief is missing; `cycle`: briefs that are their own ancestors, or come after themselves; `unclaimable`: pending or claimed
 * briefs that `claimBrief` skips, because they cannot be read, have no id, or have an attempt counter at its maximum; `queue`:
 * briefs that `claimBrief` would hand out too early or never, because another program changed the count of unfinished dependencies
 * or the mark that keeps them out of the queue; `repair` recomputes both.
 */
export type Problem = FileProblem | Flaw;

export interface Verification extends Omit<FileVerification, "problems" | "repaired"> {
  problems: Problem[];
  /** With `repair`: the problems that were found and repaired. */
  repaired?: Problem[];
}

export function verify(location: string, repair: boolean): Verification {
  if (repair) return repaired(location);
  const found = verifyFile(location, migrations);
  return { ...found, problems: [...found.problems, ...flawsOf(location, found.problems)] };
}

/** The triggers are repaired first, so that they count what is written from then on. */
function repaired(location: string): Verification {
  const found = repairFile(location, migrations);
  const flaws = flawsOf(location, found.problems);
  const wrong = flaws.filter(({ kind }) => kind === "queue");
  if (wrong.length === 0 || found.problems.some(({ kind }) => kind === "integrity"))
    return { ...found, problems: [...found.problems, ...flaws] };
  recountFile(location);
  const left = flawsOf(location, found.problems);
  const still = new Set(left.map(({ message }) => message));
  return {
    ...found,
    problems: [...found.problems, ...left],
    repaired: [...(found.repaired ?? []), ...wrong.filter(({ message }) => !still.has(message))],
  };
}

/** How long a repair waits for writers, in milliseconds. */
const repairTimeoutMs = 5000;

function recountFile(location: string): void {
  const opening = { create: false, readonly: false, synchronous: "full", migrateTimeoutMs: repairTimeoutMs } as const;
  const connection = connect({ location, ...opening });
  const engine = new SqliteEngine(connection, { location, busyTimeoutMs: repairTimeoutMs, logger: undefined });
  try {
    engine.transaction((session) => session.run(recount), false);
  } finally {
    engine.close();
  }
}

/** Returns nothing if the file is too broken to query, which `found` already reports. */
function flawsOf(location: string, found: readonly FileProblem[]): Flaw[] {
  try {
    const { engine } = openFile(location, false);
    try {
      return engine.run(() => findFlaws());
    } finally {
      engine.close();
    }
  } catch (error) {
    if (error instanceof BlackboardError && found.length > 0) return [];
    throw error;
  }
}
