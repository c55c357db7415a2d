/**
 * Verifies a blackboard: the file, its schema, and the references between its rows.
 */
import { BlackboardError } from "../../errors.ts";
import { type Flaw, findFlaws } from "../../operations/consistency.ts";
import { migrations } from "../migrations/embedded.sqlite.ts";
import { type FileProblem, type FileVerification, repairFile, verifyFile } from "../migrations/verify.ts";
import { openFile } from "./view.ts";

/**
 * A problem of the file, or of its rows: `orphan`: a brief whose parent or workstream is missing, or an event whose brief is
 * missing; `cycle`: briefs that are their own ancestors; `unclaimable`: pending or claimed briefs that `claimBrief` skips, because
 * they cannot be read, have no id, or have an attempt counter at its maximum.
 */
export type Problem = FileProblem | Flaw;

export interface Verification extends Omit<FileVerification, "problems"> {
  problems: Problem[];
}

export function verify(location: string, repair: boolean): Verification {
  const found = repair ? repairFile(location, migrations) : verifyFile(location, migrations);
  return { ...found, problems: [...found.problems, ...flawsOf(location, found.problems)] };
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
