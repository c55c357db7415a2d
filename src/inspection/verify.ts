/**
 * Looking for what is wrong with a blackboard: the file, its schema, and what its rows refer to.
 */
import { BlackboardError } from "../errors.ts";
import { migrations } from "../migrations/embedded.sqlite.ts";
import type { Plan } from "../migrations/plan.ts";
import { type Problem as FileProblem, verifyFile } from "../migrations/verify.ts";
import { type Flaw, findFlaws } from "../operations/consistency.ts";
import { openFile } from "./view.ts";

/**
 * integrity: SQLite's own check. schema: not as the migrations make it. reference: a row whose declared reference is not there.
 * orphan: a brief without its parent or workstream, an event without its brief. cycle: briefs that are their own ancestors.
 */
export type Problem = FileProblem | Flaw;

export interface Verification {
  /** The absolute path. */
  location: string;
  state: Plan["state"];
  problems: Problem[];
}

export function verify(location: string): Verification {
  const { state, problems } = verifyFile(location, migrations);
  return { location, state, problems: [...problems, ...flawsOf(location, problems)] };
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
