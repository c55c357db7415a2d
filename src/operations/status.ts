/**
 * Low-level status updates: from any status to any other, or with `from` a compare-and-set. The UPDATE's WHERE decides; the
 * functions here return the reason why it changed nothing.
 */
import { DatabaseError, type Entity, NotFoundError, TransitionError } from "../errors.ts";
import type { Check, Names } from "../input/check.ts";
import { quoted } from "../shown.ts";
import { contradiction } from "./operation.ts";

/** Compare-and-set: the update happens only if the present status is one of these. */
export interface From<Status> {
  from?: Status | readonly Status[] | undefined;
}

const fromNames: Names<From<string>> = { from: true };

/** The statuses given as `from`, in the vocabulary's order, or `undefined` for any. */
export function checkFrom<Status extends string>(
  check: Check,
  options: From<Status> | undefined,
  vocabulary: readonly [Status, ...Status[]],
): readonly Status[] | undefined {
  const given = check.members("from", check.object("options", options, fromNames).from, vocabulary);
  return given && vocabulary.filter((status) => given.includes(status));
}

/** Returns the error for a status that was not set: the row is missing, or its status is not in `from`. */
export function statusNotSet(
  entity: Entity,
  id: string,
  runId: string,
  stored: { status: string } | undefined,
  from: readonly string[] | undefined,
): Error {
  if (!stored) return new NotFoundError(entity, id, runId);
  if (from && !from.includes(stored.status)) return new TransitionError(entity, id, stored.status, from);
  return storedNothing(entity, id);
}

/** Returns the error for a write that stored nothing for no known reason. */
export function storedNothing(entity: Entity, id: string): DatabaseError {
  return contradiction(
    new DatabaseError(
      `Writing ${entity} ${quoted(id)} stored nothing, and no rule of the blackboard prevented it. ` +
        `Check the table for a trigger that ends in RAISE(IGNORE).`,
    ),
  );
}
