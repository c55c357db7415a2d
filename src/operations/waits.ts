/**
 * What a look reads for everything that waits: for a brief, for briefs by a filter, or for the loss of a claim in use.
 *
 * All ids are one JSON parameter of one statement, and all filters with the same fields are one statement, so the number of
 * statements does not grow with the number of waits. Of a filter only its witness is read, a brief that was pending or active, as
 * long as it is: counting at each look would read every brief that matches.
 */
import { and } from "drizzle-orm";
import { NotFoundError } from "../errors.ts";
import { type Brief, briefColumns, readBrief } from "./briefs.ts";
import { isCurrentOf, lostClaimOf } from "./held-claims.ts";
import { type Context, family, type Lens, type Operation, type Placeholders, statement } from "./operation.ts";
import {
  type Counted,
  type Counts,
  countAll,
  hasFields,
  isOver,
  listOf,
  matches,
  noCounts,
  type Wanted,
} from "./wait-filters.ts";

export type Question =
  | { readonly kind: "brief"; readonly briefId: string }
  | { readonly kind: "claim"; readonly briefId: string; readonly attempt: number }
  | { readonly kind: "briefs"; readonly wanted: Wanted; readonly witness: string | undefined };

/** What ends the wait: the result or an error. Otherwise the next witness of a filter. */
export type Answer =
  | { readonly brief: Brief }
  | { readonly counts: Counts }
  | { readonly error: unknown }
  | { readonly witness: string | undefined };

const notYet: Answer = { witness: undefined };

/** Answers all questions, in their order. */
export function* lookAt({ runId }: Context, questions: readonly Question[]): Operation<Answer[]> {
  const states = yield* readStates(runId, questions);
  const rows = yield* readFinished(runId, questions, states);
  const uncounted = questions.flatMap((question) =>
    question.kind === "briefs" && !question.wanted.briefIds && !isUnfinished(states, question.witness)
      ? question.wanted
      : [],
  );
  const countsOf = yield* countAll(runId, uncounted);
  return questions.map((question): Answer => {
    if (question.kind === "briefs") {
      const { wanted, witness } = question;
      if (wanted.briefIds) return answerOfIds(runId, wanted, wanted.briefIds, states);
      return isUnfinished(states, witness) ? { witness } : answerOf(countsOf(wanted));
    }
    const { kind, briefId } = question;
    const state = states.get(briefId);
    if (!state) return { error: new NotFoundError("brief", briefId, runId) };
    if (kind === "brief") return rows.get(briefId)?.() ?? notYet;
    return isCurrentOf(state, question.attempt) ? notYet : { error: lostClaimOf(state, question.attempt) };
  });
}

function answerOf({ counts, witness }: Counted): Answer {
  return isOver(counts) ? { counts } : { witness };
}

function answerOfIds(runId: string, wanted: Wanted, ids: readonly string[], states: States): Answer {
  const counts = noCounts();
  for (const briefId of ids) {
    const state = states.get(briefId);
    if (!state) return { error: new NotFoundError("brief", briefId, runId) };
    if (matches(wanted, state)) counts[state.status]++;
  }
  return answerOf({ counts, witness: undefined });
}

type ByIds = { runId: string; ids: string };
type State = Pick<Brief, "briefId" | "status" | "attempt" | "claimedBy"> &
  Partial<Pick<Brief, "role" | "tier" | "workstreamId" | "parentBriefId">>;
type States = ReadonlyMap<string, State>;

const isFinished = ({ status }: Pick<Brief, "status">) => status === "done" || status === "failed";

function isUnfinished(states: States, briefId: string | undefined): boolean {
  const state = briefId === undefined ? undefined : states.get(briefId);
  return state !== undefined && !isFinished(state);
}

/** By the key: an index that begins with the run would be read again for each id. */
const hasId = ({ t: { briefs }, ofRun, among }: Lens, $: Placeholders<ByIds>) =>
  and(ofRun(briefs.runId, $.runId), among(briefs.briefId, $.ids));

const statesOf = family((withFields: boolean) =>
  statement<ByIds>()((lens, $) => {
    const { briefs } = lens.t;
    const { briefId, status, attempt, claimedBy, role, tier, workstreamId, parentBriefId } = briefs;
    const state = { briefId, status, attempt, claimedBy };
    return lens.db
      .select(withFields ? { ...state, role, tier, workstreamId, parentBriefId } : state)
      .from(lens.through(briefs, "key"))
      .where(hasId(lens, $));
  }),
);

const rowsOf = statement<ByIds>()((lens, $) =>
  lens.db.select(briefColumns(lens)).from(lens.through(lens.t.briefs, "key")).where(hasId(lens, $)),
);

function* readStates(runId: string, questions: readonly Question[]): Operation<States> {
  const ids: string[] = [];
  let withFields = false;
  for (const question of questions) {
    if (question.kind !== "briefs") ids.push(question.briefId);
    else if (question.witness !== undefined) ids.push(question.witness);
    else if (question.wanted.briefIds) {
      ids.push(...question.wanted.briefIds);
      withFields ||= hasFields(question.wanted);
    }
  }
  if (ids.length === 0) return new Map();
  const rows: State[] = yield* statesOf(withFields)({ runId, ids: listOf(ids) });
  return new Map(rows.map((row) => [row.briefId, row]));
}

/** Reads the finished briefs that are waited for. Each wait decodes its own; one that can't be read ends only the waits for it. */
function* readFinished(
  runId: string,
  questions: readonly Question[],
  states: States,
): Operation<ReadonlyMap<string, () => Answer>> {
  const ids = questions.flatMap((question) => {
    const state = question.kind === "brief" ? states.get(question.briefId) : undefined;
    return state && isFinished(state) ? state.briefId : [];
  });
  if (ids.length === 0) return new Map();
  const rows = yield* rowsOf({ runId, ids: listOf(ids) });
  // A retry may have come between the two statements.
  return new Map(
    rows.filter(isFinished).map((row) => [
      row.briefId,
      () => {
        try {
          return { brief: readBrief({ ...row }) };
        } catch (error) {
          return { error };
        }
      },
    ]),
  );
}
