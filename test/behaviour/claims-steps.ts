/** The steps of `claims-model.ts`: each is applied to a model and to a blackboard, and the results are compared. */
import type fc from "fast-check";
import {
  type Brief,
  type BriefStatus,
  briefStatuses,
  type Claim,
  type RunStatus,
  type WorkstreamStatus,
} from "run-blackboard";
import { expect } from "vitest";
import type { Board, Place, StandingClock } from "./engine.ts";
import {
  type Asked,
  type ModelBrief,
  type Move,
  maxAttempt,
  type NewModelBrief,
  type Outcome,
  oldestFirst,
  type QueueModel,
} from "./queue-model.ts";

export interface Real {
  board: Board;
  place: Place;
  clock: StandingClock;
  claims: Claim[];
  /** The id that a brief or workstream of this run has in the file, which several runs share. */
  own(id: string): string;
}
export type Command = fc.AsyncCommand<QueueModel, Real>;
/** A brief as both sides describe it, with the count of blockers. */
type Described = Omit<ModelBrief, "after"> & { waitsFor: number };

/** Applies a step to both sides and compares the results and the affected brief. */
function command(
  text: string,
  onModel: (model: QueueModel) => Outcome,
  onBoard: (real: Real) => Promise<Brief | Claim | undefined>,
  possible: (model: Pick<QueueModel, "claims">) => boolean = () => true,
): Command {
  return {
    check: (model) => possible(model),
    async run(model, real) {
      const expected = onModel(model);
      let found: Brief | Claim | undefined | string;
      try {
        found = await onBoard(real);
      } catch (error) {
        found = (error as { code: string }).code;
      }
      const brief = typeof found === "object" && "brief" in found ? found.brief : found;
      expect(typeof brief === "object" ? described(brief, real) : brief).toEqual(
        typeof expected === "object" ? modelled(expected, model) : expected,
      );
    },
    toString: () => text,
  };
}

function described(brief: Brief, { board }: Real): Described {
  const { role, status, attempt, retryCount, claimedBy, result, progress, priority, waitsFor } = brief;
  const own = (id: string) => id.slice(board.runId.length + 1);
  const time = (text: string | null) => (text === null ? null : Date.parse(text));
  return {
    ...{ role, status, attempt, retryCount, claimedBy, result, progress, priority, waitsFor },
    id: own(brief.briefId),
    workstream: brief.workstreamId === null ? null : own(brief.workstreamId),
    createdAt: Date.parse(brief.createdAt),
    updatedAt: Date.parse(brief.updatedAt),
    notBefore: time(brief.notBefore),
    claimedAt: time(brief.claimedAt),
    lease: time(brief.leaseExpiresAt),
  };
}

function modelled(brief: ModelBrief, model: QueueModel): Described {
  const { after: _, ...rest } = brief;
  return { ...rest, waitsFor: model.waitsFor(brief) };
}

/** Compares all briefs, which are ready, the events and the counts. */
export async function compareAll(model: QueueModel, real: Real): Promise<void> {
  const { board } = real;
  const briefsOf = async (ready?: boolean) =>
    (await board.listBriefs({ ready, limit: 1000 })).items.map((brief) => described(brief, real));
  const all = [...model.briefs.values()].sort(oldestFirst);
  const of = (briefs: readonly ModelBrief[]) => briefs.map((brief) => modelled(brief, model));
  expect(await briefsOf()).toEqual(of(all));
  expect(await briefsOf(true)).toEqual(of(all.filter((brief) => model.isReady(brief))));
  expect(await briefsOf(false)).toEqual(of(all.filter((brief) => brief.status === "pending" && !model.isReady(brief))));
  const { items: events } = await board.listEvents({ limit: 1000 });
  expect(events.map(({ kind, briefId, detail }) => ({ kind, briefId, detail }))).toEqual(
    model.events.map((event) => ({ ...event, briefId: real.own(event.briefId) })),
  );
  const { briefs: counts } = await board.getRunSummary();
  for (const status of briefStatuses) {
    expect(counts[status]).toBe(all.filter((brief) => brief.status === status).length);
  }
}

export function create(
  { wait, ...brief }: Omit<NewModelBrief, "notBefore"> & { wait: number | undefined },
  spawns: boolean,
) {
  return command(
    `${spawns ? "spawn" : "create"}(${JSON.stringify(brief)}, not for ${wait} ms)`,
    (model) => model.create({ ...brief, notBefore: wait === undefined ? null : model.now + wait }, spawns),
    async ({ board, clock, own }) => {
      const given = {
        briefId: own(brief.id),
        tier: 1,
        role: brief.role,
        workstreamId: brief.workstream === null ? null : own(brief.workstream),
        priority: brief.priority,
        after: brief.after.map(own),
        notBefore: wait === undefined ? undefined : new Date(clock.read().getTime() + wait),
      };
      return spawns ? await board.spawnBrief(given) : await board.createBrief(given);
    },
  );
}

export function claim(asked: Asked): Command {
  return command(
    `claim(${JSON.stringify(asked)})`,
    (model) => model.claim(asked),
    async ({ board, claims, own }) => {
      const { workstream, ...request } = asked;
      const workstreamId = workstream === undefined ? undefined : own(workstream);
      const given = await board.claimBrief({ ...request, workstreamId });
      if (given) claims.push(given);
      return given;
    },
  );
}

async function perform(board: Board, move: Move, ref: string | Claim, result: object, delayMs: number): Promise<Brief> {
  const detail = { by: move };
  if (move === "retry") return await board.retryBrief(ref, detail, { delayMs });
  if (move !== "complete") return await board[`${move}Brief`](ref, detail);
  return typeof ref === "string"
    ? await board.completeBrief(ref, result, detail)
    : await board.completeBrief(ref, result, detail);
}

export function moveById(move: Move, id: string, result: object, delayMs: number): Command {
  return command(
    `${move}(${id}, delay ${delayMs} ms)`,
    (model) => model.move(move, id, result, delayMs),
    ({ board, own }) => perform(board, move, own(id), result, delayMs),
  );
}

export type Use = Move | "renew" | "release";
export interface Using {
  leaseMs: number;
  delayMs: number;
  result: object;
  progress: object | null | undefined;
}

/** One of the claims issued so far, counted from the newest: mostly a current one, sometimes a stale one. */
export function use(what: Use, back: number, { leaseMs, delayMs, result, progress }: Using): Command {
  const at = <T>(claims: readonly T[]): T => {
    const held = claims.at(-1 - back);
    if (held === undefined) throw new Error("there are fewer claims");
    return held;
  };
  return command(
    `${what}(claim ${back} back, ${JSON.stringify({ leaseMs, delayMs, progress })})`,
    (model) => {
      const held = at(model.claims);
      if (what === "renew") return model.renew(held, leaseMs, progress);
      if (what === "release") return model.release(held, delayMs);
      return model.moveByClaim(what, held, result, delayMs);
    },
    async ({ board, claims }) => {
      const held = at(claims);
      if (what === "renew") return await board.renewClaim(held, { leaseMs, progress });
      if (what === "release") return await board.releaseClaim(held, { delayMs });
      return await perform(board, what, held, result, delayMs);
    },
    ({ claims }) => claims.length > back,
  );
}

export function setStatus(id: string, status: BriefStatus): Command {
  return command(
    `updateBriefStatus(${id}, ${status})`,
    (model) => model.setStatus(id, status),
    async ({ board, own }) => board.updateBriefStatus(own(id), status),
  );
}

export function setResult(id: string, result: object): Command {
  return command(
    `updateBriefResult(${id})`,
    (model) => model.setResult(id, result),
    async ({ board, own }) => board.updateBriefResult(own(id), result),
  );
}

/** A step whose result is not compared. */
function unseen(text: string, onModel: (model: QueueModel) => void, onBoard: (real: Real) => unknown): Command {
  return command(
    text,
    (model) => {
      onModel(model);
      return undefined;
    },
    async (real) => {
      await onBoard(real);
      return undefined;
    },
  );
}

export const setRun = (status: RunStatus) =>
  unseen(
    `updateRunStatus(${status})`,
    (model) => {
      model.runStatus = status;
    },
    ({ board }) => board.updateRunStatus(status),
  );

export const setWorkstream = (id: string, status: WorkstreamStatus) =>
  unseen(
    `updateWorkstreamStatus(${id}, ${status})`,
    (model) => {
      model.workstreams[id] = status;
    },
    ({ board, own }) => board.updateWorkstreamStatus(own(id), status),
  );

/** What another program, such as the Python module, does to a brief by plain SQL. */
const bySql = (what: string, id: string, sql: string, onModel: (model: QueueModel, brief: ModelBrief) => void) =>
  unseen(
    `${what} of ${id} by another program`,
    (model) => {
      const brief = model.briefs.get(id);
      if (brief) onModel(model, brief);
    },
    ({ place, own }) => place.sql(`${sql} WHERE brief_id = '${own(id)}'`),
  );

export const setStatusBySql = (id: string, status: BriefStatus) =>
  bySql(`status ${status}`, id, `UPDATE briefs SET status = '${status}'`, (_, brief) => {
    brief.status = status;
  });

/** So that no claim can take it. */
export const spoil = (id: string) =>
  bySql("a spoilt attempt", id, `UPDATE briefs SET attempt = ${maxAttempt}`, (_, brief) => {
    brief.attempt = maxAttempt;
  });

export const remove = (id: string) => bySql("a delete", id, "DELETE FROM briefs", ({ briefs }) => briefs.delete(id));

export const advance = (milliseconds: number) =>
  unseen(
    `${milliseconds} ms pass`,
    (model) => {
      model.now += milliseconds;
    },
    ({ clock }) => clock.advance(milliseconds),
  );

export const compare: Command = { check: () => true, run: compareAll, toString: () => "compare all" };
