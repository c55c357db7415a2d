/**
 * Looking for what is wrong with a blackboard: the file, its schema, and what its rows refer to.
 */
import { BlackboardError } from "../../errors.ts";
import { type Flaw, findFlaws } from "../../operations/consistency.ts";
import { migrations } from "../migrations/embedded.sqlite.ts";
import { type FileProblem, type FileVerification, repairFile, verifyFile } from "../migrations/verify.ts";
import { openFile } from "./view.ts";

/**
 * Of the file, or, by kind, `orphan`: a brief without its parent or workstream, an event without its brief; `cycle`: briefs
 * that are their own ancestors; `unclaimable`: briefs that are pending or claimed, and that claims skip because they cannot be
 * read, counted up or named.
 */
export type Problem = FileProblem | Flaw;

export interface Verification extends Omit<FileVerification, "problems"> {
  problems: Problem[];
}

export function verify(location: string, repair: boolean): Verification {
  const found = repair ? repairFile(location, migrations) : verifyFile(location, migrations);
  return { ...found, problems: [...found.problems, ...flawsOf(location, found.problems)] };
}

/** Nothing where the file is too broken to ask: that is among its problems already. */
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
