/**
 * The lifecycle of a brief: each transition changes its status and logs an event, in one commit. `docs/lifecycle.md` shows the
 * table below as a page.
 */
import { and, eq, inArray, lt, type SQL, sql } from "drizzle-orm";
import type { BriefStatus, EventKind } from "../../drizzle/vocabulary.ts";
import { NotFoundError, TransitionError } from "../errors.ts";
import { Check, maxInteger } from "../input/check.ts";
import type { PlainObject } from "../input/json.ts";
import { encodeFor } from "../input/roles.ts";
import { retriesUsedUp } from "./brief-updates.ts";
import { type Brief, briefColumns, getBrief, isReadable, readBrief, roleOf } from "./briefs.ts";
import { isSame } from "./creation.ts";
import { appendEvent, checkNewEntry } from "./entries.ts";
import {
  type ClaimRef,
  checkClaim,
  checkDelay,
  type Delay,
  type DelayOptions,
  delayFrom,
  isCurrent,
  notCurrent,
  unclaimed,
} from "./held-claims.ts";
import {
  atOnce,
  type Context,
  changeOrExplain,
  family,
  type Lens,
  type Operation,
  type Placeholders,
  statement,
  together,
} from "./operation.ts";
import { storedNothing } from "./status.ts";

/** A claim must be the current one; an id changes the brief regardless of its claim. */
export type BriefRef = string | ClaimRef;

interface Move {
  /** The statuses it may start from; a claim requires `active`. */
  readonly from: readonly [BriefStatus, ...BriefStatus[]];
  readonly to: BriefStatus;
  readonly logs: EventKind;
}
export type MoveName = "complete" | "fail" | "escalate" | "retry";
export const moves: Readonly<Record<MoveName, Move>> = {
  complete: { from: ["pending", "active"], to: "done", logs: "completed" },
  fail: { from: ["pending", "active"], to: "failed", logs: "failed" },
  escalate: { from: ["pending", "active"], to: "failed", logs: "escalated" },
  retry: { from: ["pending", "active", "failed"], to: "pending", logs: "retried" },
};

type Target = { runId: string; briefId: string; attempt: number };
interface Shape {
  name: MoveName;
  byClaim: boolean;
  delayed: boolean;
}
interface ShapeAtOnce extends Shape {
  /** Whether the brief must have the parameter `role`. */
  ofRole: boolean;
}
type Moving = Target & Delay & { now: string | null; result: string | null };

const isMovable = (lens: Lens, $: { readonly [Name in keyof Target]: SQL }, { from }: Move, byClaim: boolean) =>
  byClaim
    ? isCurrent(lens, $)
    : and(
        eq(lens.t.briefs.runId, $.runId),
        eq(lens.t.briefs.briefId, $.briefId),
        inArray(lens.t.briefs.status, [...from]),
      );

/** Finishing clears the lease and keeps the rest of the claim; a retry clears all of it, and sets or clears `notBefore`. */
const changeOf =
  ({ name, byClaim, delayed }: Shape, condition?: (lens: Lens) => SQL | undefined) =>
  (lens: Lens, $: Placeholders<Moving>) => {
    const { briefs } = lens.t;
    const move = moves[name];
    return lens.db
      .update(briefs)
      .set({
        status: move.to,
        leaseExpiresAt: null,
        updatedAt: lens.time($.now),
        ...(name === "complete" && { result: $.result }),
        ...(name === "retry" && { ...unclaimed(lens, $, delayed), retryCount: sql`${briefs.retryCount} + 1` }),
      })
      .where(
        and(
          isMovable(lens, $, move, byClaim),
          name === "retry" ? lt(briefs.retryCount, maxInteger) : undefined,
          condition?.(lens),
        ),
      )
      .returning(briefColumns(lens));
  };

const change = family((shape: Shape) => statement<Moving>()(changeOf(shape)));

type NewEntry = { eventId: string; detail: string };

const changeAtOnce = family((shape: ShapeAtOnce) =>
  atOnce<Moving & NewEntry & { role: string | null }>()((lens, $) => {
    const ofRole = shape.ofRole ? eq(lens.t.briefs.role, $.role) : undefined;
    const change = changeOf(shape, (lens) => and(isReadable(lens), ofRole))(lens, $);
    return lens.withEvent(change, ({ briefId }) => {
      const { eventId, detail, now } = $;
      return { eventId, briefId, kind: sql.raw(`'${moves[shape.name].logs}'`), detail, now };
    });
  }),
);

export function* completeBrief(
  context: Context,
  ref: BriefRef,
  result: unknown,
  detail?: PlainObject,
): Operation<Brief> {
  const check = new Check();
  const target = checkRef(check, ref);
  const entry = checkNewEntry(check, context, detail);
  const stated = check.refusals === 0 ? encodedAsStated(context, ref, result) : undefined;
  if (stated) {
    const completed = yield* moveAtOnce("complete", target, entry, stated.role, () => ({
      runId: context.runId,
      result: stated.text,
      ...delayFrom(context, 0),
    }));
    if (completed) return completed;
  }
  // Read only if roles are declared, since the role's schema validates the result.
  const role = context.roles && check.refusals === 0 ? yield* roleOf(context, target.briefId) : undefined;
  const text = stated && stated.role === role ? stated.text : encodeFor(check, context.roles, role, "result", result);
  check.done();
  return yield* move(context, "complete", target, entry, text, { isTried: stated !== undefined });
}

export function* failBrief(context: Context, ref: BriefRef, detail?: PlainObject): Operation<Brief> {
  return yield* moveWithoutResult(context, "fail", ref, detail);
}

export function* escalateBrief(context: Context, ref: BriefRef, detail?: PlainObject): Operation<Brief> {
  return yield* moveWithoutResult(context, "escalate", ref, detail);
}

export function* retryBrief(
  context: Context,
  ref: BriefRef,
  detail?: PlainObject,
  options?: DelayOptions,
): Operation<Brief> {
  const check = new Check();
  const target = checkRef(check, ref);
  const entry = checkNewEntry(check, context, detail);
  const delayMs = checkDelay(check, options);
  check.done();
  return yield* move(context, "retry", target, entry, null, { delayMs });
}

function* moveWithoutResult(
  context: Context,
  name: MoveName,
  ref: BriefRef,
  detail: PlainObject | undefined,
): Operation<Brief> {
  const check = new Check();
  const target = checkRef(check, ref);
  const entry = checkNewEntry(check, context, detail);
  check.done();
  return yield* move(context, name, target, entry, null);
}

export interface Reference {
  briefId: string;
  /** The claim's attempt; `undefined` for an id. */
  attempt: number | undefined;
}

/** `paths` are those of a claim and of an id. */
export function checkRef(check: Check, ref: BriefRef, paths = { claim: "claim", id: "briefId" }): Reference {
  if (typeof ref === "object" && ref !== null) return checkClaim(check, paths.claim, ref);
  return { briefId: check.id(paths.id, ref), attempt: undefined };
}

/**
 * Encodes a result for the role that a claim states, or for the only one. `undefined` if that role does not accept it. The role
 * may be wrong, so the statement that stores the result compares it.
 */
export function encodedAsStated({ roles }: Context, ref: BriefRef, result: unknown) {
  if (!roles) return undefined;
  const [only, ...others] = Object.keys(roles);
  const check = new Check();
  try {
    const role: unknown = typeof ref === "object" && "role" in ref ? ref.role : others.length === 0 ? only : undefined;
    if (typeof role !== "string" || !Object.hasOwn(roles, role)) return undefined;
    const text = encodeFor(check, roles, role, "result", result);
    return check.refusals === 0 ? { role, text } : undefined;
  } catch {
    // Whatever threw is called again for the role that is stored.
    return undefined;
  }
}

/** `undefined` if the brief was not moved, which a transaction must do or explain. */
function* moveAtOnce(
  name: MoveName,
  { briefId, attempt }: Reference,
  entry: NewEntry,
  role: string | null,
  moving: () => Omit<Moving, "briefId" | "attempt">,
  delayed = false,
): Operation<Brief | undefined> {
  const shape = { name, byClaim: attempt !== undefined, delayed, ofRole: role !== null };
  const rows = yield* changeAtOnce(shape)(() => ({ ...moving(), briefId, attempt: attempt ?? 0, ...entry, role }));
  const [moved] = rows ?? [];
  return moved && readBrief(moved);
}

function* move(
  context: Context,
  name: MoveName,
  target: Reference,
  entry: NewEntry,
  result: string | null,
  { delayMs = 0, isTried = false } = {},
): Operation<Brief> {
  const { runId } = context;
  const { briefId, attempt } = target;
  const delay = delayFrom(context, delayMs);
  const { now } = delay;
  const delayed = delayMs > 0;
  const moving = { runId, result, ...delay };
  const moved = isTried ? undefined : yield* moveAtOnce(name, target, entry, null, () => moving, delayed);
  if (moved) return moved;
  const shape = { name, byClaim: attempt !== undefined, delayed };
  return yield* together(function* () {
    return yield* changeOrExplain(
      function* () {
        const [row] = yield* change(shape)({ ...moving, briefId, attempt: attempt ?? 0 });
        if (!row) return undefined;
        const { eventId, detail } = entry;
        yield* appendEvent({ eventId, runId, briefId, kind: moves[name].logs, detail, now });
        return { value: readBrief(row) };
      },
      () => notMoved(context, name, briefId, attempt, result),
    );
  });
}

function* notMoved(
  context: Context,
  name: MoveName,
  briefId: string,
  attempt: number | undefined,
  result: string | null,
): Operation<Brief> {
  const stored = yield* getBrief(context, briefId);
  if (!stored) throw new NotFoundError("brief", briefId, context.runId);
  return requireRepeat(name, stored, attempt, result);
}

/** Returns the stored brief if the same claim has completed it with an equal result; otherwise throws why nothing changed. */
export function requireRepeat(
  name: MoveName,
  stored: Brief,
  attempt: number | undefined,
  result: string | null,
): Brief {
  const { briefId } = stored;
  const { from } = moves[name];
  const exhausted = name === "retry" && stored.retryCount >= maxInteger;
  if (attempt === undefined) {
    if (!from.includes(stored.status)) throw new TransitionError("brief", briefId, stored.status, from);
    throw exhausted ? retriesUsedUp(stored) : storedNothing("brief", briefId);
  }
  const own = stored.attempt === attempt && stored.claimedBy !== null;
  // A caller that lost the response may repeat the call.
  if (result !== null && own && stored.status === "done" && isSame(stored.result, JSON.parse(result))) return stored;
  if (own && stored.status === "active" && exhausted) throw retriesUsedUp(stored);
  throw notCurrent(stored, attempt);
}
