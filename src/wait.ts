/**
 * Waiting for briefs to finish, in this or another process, by the looks that all waits of a blackboard share.
 */
import type { BriefStatus } from "../drizzle/vocabulary.ts";
import { allowManyListeners } from "./engine/engine.ts";
import { Check, type Names } from "./input/check.ts";
import type { Looks } from "./looks.ts";
import type { Brief } from "./operations/briefs.ts";
import type { Context } from "./operations/operation.ts";
import { checkWaitFilter, isEmpty, noCounts, type WaitFilter } from "./operations/wait-filters.ts";
import type { Answer, Question } from "./operations/waits.ts";

export interface WaitOptions {
  /** Ends the wait when it aborts; the promise rejects with its reason. */
  signal?: AbortSignal | undefined;
  /**
   * Interval of looking for changes, in milliseconds. Default: 50 on SQLite, 200 on PostgreSQL. All waits and held claims of one
   * blackboard share their looks, at the shortest interval.
   */
  pollMs?: number | undefined;
}
const names: Names<WaitOptions> = { signal: true, pollMs: true };

interface Waiting {
  readonly signal: AbortSignal | undefined;
  readonly pollMs: number;
}

export async function waitForBrief(looks: Looks, briefId: string, options: WaitOptions | undefined): Promise<Brief> {
  looks.requireOpen();
  const check = new Check();
  const question: Question = { kind: "brief", briefId: check.id("briefId", briefId) };
  const waiting = checkOptions(check, looks, options);
  check.done();
  return await untilAnswered(
    looks,
    waiting,
    () => question,
    (answer) => ("brief" in answer ? answer.brief : undefined),
  );
}

export async function waitForBriefs(
  looks: Looks,
  context: Context,
  filter: WaitFilter,
  options: WaitOptions | undefined,
): Promise<Record<BriefStatus, number>> {
  looks.requireOpen();
  const check = new Check();
  const wanted = checkWaitFilter(check, context, filter);
  const waiting = checkOptions(check, looks, options);
  check.done();
  if (waiting.signal?.aborted) throw waiting.signal.reason;
  if (isEmpty(wanted)) return noCounts();
  let witness: string | undefined;
  return await untilAnswered(
    looks,
    waiting,
    () => ({ kind: "briefs", wanted, witness }),
    (answer) => {
      if ("witness" in answer) witness = answer.witness;
      return "counts" in answer ? answer.counts : undefined;
    },
  );
}

function checkOptions(check: Check, looks: Looks, options: WaitOptions | undefined): Waiting {
  const { signal, pollMs } = check.object("options", options, names);
  if (signal !== undefined) check.signal("signal", signal);
  return { signal, pollMs: pollMs === undefined ? looks.pollMs : check.integer("pollMs", pollMs, 1) };
}

/** Resolves with the first value that `read` finds in an answer. */
async function untilAnswered<T>(
  looks: Looks,
  { signal, pollMs }: Waiting,
  question: () => Question,
  read: (answer: Answer) => T | undefined,
): Promise<T> {
  if (signal?.aborted) throw signal.reason;
  // Node warns of a leak when many waits share one signal. Each wait removes its listener when it ends.
  if (signal) allowManyListeners(signal);
  return await new Promise<T>((resolve, reject) => {
    const end = () => {
      looks.remove(watcher);
      signal?.removeEventListener("abort", abort);
    };
    const fail = (error: unknown) => {
      end();
      reject(error);
    };
    const abort = () => fail(signal?.reason);
    const answer = (given: Answer) => {
      if ("error" in given) return fail(given.error);
      const value = read(given);
      if (value === undefined) return;
      end();
      resolve(value);
    };
    const watcher = { pollMs, question, answer, fail };
    signal?.addEventListener("abort", abort);
    looks.add(watcher, { isKnown: false });
  });
}
