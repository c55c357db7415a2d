/**
 * Compares claims and moves with a model after every step of random sequences: several agents that keep old claims, a
 * clock that advances, and moves by id.
 */
import fc from "fast-check";
import { type Brief, type BriefStatus, briefStatuses, type Claim, type EventKind } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { type Board, type Engine, type Place, StandingClock } from "./engine.ts";

interface ModelBrief {
  id: string;
  role: string;
  createdAt: number;
  status: BriefStatus;
  attempt: number;
  retryCount: number;
  claimedBy: string | null;
  /** Time of the clock in ms. */
  lease: number | null;
  result: object | null;
}
interface Model {
  now: number;
  briefs: Map<string, ModelBrief>;
  events: { kind: EventKind; briefId: string; detail: object }[];
  /** The claims each agent received, newest last. */
  claims: { id: string; attempt: number; agentId: string }[];
}
interface Real {
  board: Board;
  place: Place;
  clock: StandingClock;
  claims: Claim[];
}
type Command = fc.AsyncCommand<Model, Real>;

/** The result of a step: the resulting brief, `undefined` for no result, or an error's code. */
type Outcome = ModelBrief | undefined | string;

const start = Date.parse("2026-11-22T06:40:15.123Z");

/** Applies a step to both sides and compares the results and the affected brief. */
function command(
  text: string,
  onModel: (model: Model) => Outcome,
  onBoard: (real: Real, own: (id: string) => string) => Promise<Brief | Claim | undefined>,
  possible: (model: Model) => boolean = () => true,
): Command {
  return {
    check: (model) => possible(model),
    async run(model, real) {
      const expected = onModel(model);
      const own = (id: string) => `${real.board.runId}/${id}`;
      let found: Brief | Claim | undefined | string;
      try {
        found = await onBoard(real, own);
      } catch (error) {
        found = (error as { code: string }).code;
      }
      const brief = typeof found === "object" && "brief" in found ? found.brief : found;
      expect(typeof brief === "object" ? described(brief, real) : brief).toEqual(
        typeof expected === "object" ? { ...expected } : expected,
      );
    },
    toString: () => text,
  };
}

function described(brief: Brief, { board }: Real): ModelBrief {
  const { briefId, role, status, attempt, retryCount, claimedBy, leaseExpiresAt, result, createdAt } = brief;
  return {
    id: briefId.slice(board.runId.length + 1),
    role,
    createdAt: Date.parse(createdAt),
    status,
    attempt,
    retryCount,
    claimedBy,
    lease: leaseExpiresAt === null ? null : Date.parse(leaseExpiresAt),
    result,
  };
}

function log(model: Model, kind: EventKind, { id }: ModelBrief, detail: object = {}): void {
  model.events.push({ kind, briefId: id, detail });
}

function spawn(id: string, role: string): Command {
  return command(
    `spawn(${id}, ${role})`,
    (model) => {
      const stored = model.briefs.get(id);
      if (stored) return stored.role === role ? stored : "CONFLICT";
      const empty = { attempt: 0, retryCount: 0, claimedBy: null, lease: null, result: null };
      const brief: ModelBrief = { id, role, createdAt: model.now, status: "pending", ...empty };
      model.briefs.set(id, brief);
      log(model, "spawned", brief);
      return brief;
    },
    async ({ board }, own) => board.spawnBrief({ briefId: own(id), tier: 1, role }),
  );
}

function claim(agentId: string, leaseMs: number, role: string | undefined, maxRetries: number | undefined): Command {
  return command(
    `claim(${agentId}, ${leaseMs} ms, ${role}, at most ${maxRetries} retries)`,
    (model) => {
      const brief = next(model, role, maxRetries);
      if (!brief) return undefined;
      Object.assign(brief, {
        status: "active",
        claimedBy: agentId,
        lease: model.now + leaseMs,
        attempt: brief.attempt + 1,
      });
      model.claims.push({ id: brief.id, attempt: brief.attempt, agentId });
      return brief;
    },
    async ({ board, claims }) => {
      const given = await board.claimBrief({ agentId, leaseMs, role, maxRetries });
      if (given) claims.push(given);
      return given;
    },
  );
}

function next(model: Model, role: string | undefined, maxRetries: number | undefined): ModelBrief | undefined {
  const wanted = [...model.briefs.values()]
    .filter((brief) => role === undefined || brief.role === role)
    .filter(({ attempt }) => attempt < maxAttempt);
  const expired = wanted
    .filter(({ status, lease }) => status === "active" && lease !== null && lease <= model.now)
    .sort((a, b) => (a.lease ?? 0) - (b.lease ?? 0) || (a.id < b.id ? -1 : 1));
  for (const brief of expired) {
    const { claimedBy: previousAgent, attempt } = brief;
    if (maxRetries !== undefined && brief.retryCount >= maxRetries) {
      Object.assign(brief, { status: "failed", lease: null });
      log(model, "failed", brief, { reason: "retries exhausted", previousAgent, attempt });
      continue;
    }
    brief.retryCount++;
    log(model, "retried", brief, { reason: "lease expired", previousAgent, attempt });
    return brief;
  }
  return wanted
    .filter(({ status }) => status === "pending")
    .sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))[0];
}

const moves = {
  complete: { from: ["pending", "active"], change: { status: "done", lease: null }, kind: "completed" },
  fail: { from: ["pending", "active"], change: { status: "failed", lease: null }, kind: "failed" },
  escalate: { from: ["pending", "active"], change: { status: "failed", lease: null }, kind: "escalated" },
  retry: {
    from: ["pending", "active", "failed"],
    change: { status: "pending", lease: null, claimedBy: null },
    kind: "retried",
  },
} as const;
type Move = keyof typeof moves;

function apply(model: Model, move: Move, brief: ModelBrief, result: object): ModelBrief {
  Object.assign(brief, moves[move].change, move === "complete" && { result });
  if (move === "retry") brief.retryCount++;
  log(model, moves[move].kind, brief, { by: move });
  return brief;
}

async function perform(board: Board, move: Move, ref: string | Claim, result: object): Promise<Brief> {
  const detail = { by: move };
  if (move === "complete") {
    return typeof ref === "string"
      ? await board.completeBrief(ref, result, detail)
      : await board.completeBrief(ref, result, detail);
  }
  return await board[`${move}Brief`](ref, detail);
}

function moveById(move: Move, id: string, result: object): Command {
  return command(
    `${move}(${id})`,
    (model) => {
      const brief = model.briefs.get(id);
      if (!brief) return "NOT_FOUND";
      const from: readonly BriefStatus[] = moves[move].from;
      return from.includes(brief.status) ? apply(model, move, brief, result) : "TRANSITION";
    },
    ({ board }, own) => perform(board, move, own(id), result),
  );
}

type Use = Move | "renew" | "release";

/** One of the claims issued so far, counted from the newest: mostly a current one, sometimes a stale one. */
function use(what: Use, back: number, leaseMs: number, result: object): Command {
  const at = <T>(claims: readonly T[]) => claims.at(-1 - back);
  return command(
    `${what}(claim ${back} back)`,
    (model) => {
      const held = at(model.claims);
      const brief = model.briefs.get(held?.id ?? "");
      if (!held || !brief) return "no such claim";
      const own = brief.attempt === held.attempt && brief.claimedBy !== null;
      const repeated = what === "complete" && own && brief.status === "done";
      if (repeated && JSON.stringify(brief.result) === JSON.stringify(result)) return brief;
      if (!own || brief.status !== "active") return "LOST_CLAIM";
      if (what === "renew") return Object.assign(brief, { lease: model.now + leaseMs });
      if (what === "release") return Object.assign(brief, { status: "pending", lease: null, claimedBy: null });
      return apply(model, what, brief, result);
    },
    async ({ board, claims }) => {
      const held = at(claims);
      if (!held) throw new Error("the model had one more claim");
      if (what === "renew") return await board.renewClaim(held, { leaseMs });
      if (what === "release") return await board.releaseClaim(held);
      return await perform(board, what, held, result);
    },
    ({ claims }) => claims.length > back,
  );
}

function setStatus(id: string, status: BriefStatus): Command {
  return command(
    `updateBriefStatus(${id}, ${status})`,
    (model) => {
      const brief = model.briefs.get(id);
      if (!brief) return "NOT_FOUND";
      const end = {
        pending: { lease: null, claimedBy: null },
        active: {},
        done: { lease: null },
        failed: { lease: null },
      };
      return Object.assign(brief, { status }, end[status]);
    },
    async ({ board }, own) => board.updateBriefStatus(own(id), status),
  );
}

const maxAttempt = 2 ** 31 - 1;

/** Corrupts a brief as another program might, so that no claim can take it. */
function spoil(id: string): Command {
  return command(
    `spoil(${id})`,
    (model) => {
      const brief = model.briefs.get(id);
      if (brief) brief.attempt = maxAttempt;
      return undefined;
    },
    async ({ place }, own) => {
      await place.sql(`UPDATE briefs SET attempt = ${maxAttempt} WHERE brief_id = '${own(id)}'`);
      return undefined;
    },
  );
}

function advance(milliseconds: number): Command {
  return command(
    `${milliseconds} ms pass`,
    (model) => {
      model.now += milliseconds;
      return undefined;
    },
    async ({ clock }) => {
      clock.advance(milliseconds);
      return undefined;
    },
  );
}

const id = fc.constantFrom("a", "b", "c", "d");
const role = fc.constantFrom("coder", "coder", "tester");
const leaseMs = fc.constantFrom(1, 10, 100);
const result = fc.constantFrom({ n: 1 }, { n: 2 });
const anyMove = fc.constantFrom<Move>("complete", "fail", "escalate", "retry");
const anyUse = fc.constantFrom<Use>("complete", "complete", "renew", "release", "fail", "escalate", "retry");
const commands = [
  fc.tuple(id, role).map((given) => spawn(...given)),
  fc.tuple(id, role).map((given) => spawn(...given)),
  fc
    .tuple(
      fc.constantFrom("w-1", "w-2", "w-3"),
      leaseMs,
      fc.option(role, { nil: undefined }),
      fc.option(fc.nat(2), { nil: undefined }),
    )
    .map((given) => claim(...given)),
  fc.tuple(anyUse, fc.constantFrom(0, 0, 1, 2), leaseMs, result).map((given) => use(...given)),
  fc.tuple(anyMove, id, result).map((given) => moveById(...given)),
  fc.tuple(id, fc.constantFrom(...briefStatuses)).map((given) => setStatus(...given)),
  fc.constantFrom(1, 5, 50, 500).map(advance),
  fc.constantFrom("a", "b").map(spoil),
];

export function claimsModel(engine: Engine): void {
  describe("random sequences of claims and moves", () => {
    test("claims and moves match a model after every step", async () => {
      const place = await engine.place();
      let runs = 0;
      const sequences = fc.commands(commands, { maxCommands: 60, size: "max" });
      await fc.assert(
        fc.asyncProperty(sequences, async (sequence) => {
          const clock = new StandingClock();
          const board = await place.open({ runId: `run-${++runs}`, clock: clock.read });
          await board.createRun("a goal");
          const model: Model = { now: start, briefs: new Map(), events: [], claims: [] };
          const real = { board, place, clock, claims: [] };
          await fc.asyncModelRun(() => ({ model, real }), sequence);

          const own = (briefId: string | null) => briefId?.slice(board.runId.length + 1);
          const { items: events } = await board.listEvents({ limit: 1000 });
          expect(events.map(({ kind, briefId, detail }) => ({ kind, briefId: own(briefId), detail }))).toEqual(
            model.events,
          );
          const { items: briefs } = await board.listBriefs({ limit: 1000 });
          const byId = (a: ModelBrief, b: ModelBrief) => (a.id < b.id ? -1 : 1);
          expect(briefs.map((brief) => described(brief, real)).sort(byId)).toEqual(
            [...model.briefs.values()].sort(byId),
          );
          const { briefs: counts } = await board.getRunSummary();
          for (const status of briefStatuses) {
            expect(counts[status]).toBe(briefs.filter((brief) => brief.status === status).length);
          }
          await board.close();
        }),
        { numRuns: 60 },
      );
    });
  });
}
