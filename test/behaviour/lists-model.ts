/** Any sequence of lists does what the same entries do as single calls. */
import fc from "fast-check";
import { BlackboardError, type Claim, type NewBrief } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { type Board, type Engine, inTransaction, type Operations, outcome, StandingClock } from "./engine.ts";

const letters = ["a", "b", "c", "d", "e"] as const;
const letter = fc.constantFrom(...letters);
const none: string[] = [];
const entry = fc.record({
  id: letter,
  tier: fc.constantFrom(1, 1, 1, 2),
  parent: fc.option(letter, { freq: 3 }),
  workstream: fc.constantFrom(null, null, "ws", "missing"),
  after: fc.oneof(fc.constant(none), fc.constant(none), fc.array<string>(letter, { maxLength: 2 })),
  wait: fc.constantFrom(undefined, undefined, 50),
});
/** One of the claims made so far, or an id. */
const ref = fc.record({ claim: fc.option(fc.nat(20), { freq: 4 }), id: letter });
const result = fc.constantFrom({ n: 1 }, { n: 2 });
const step = fc.oneof(
  fc.record({ do: fc.constant("spawn" as const), entries: fc.array(entry, { minLength: 1, maxLength: 5 }) }),
  fc.record({ do: fc.constant("spawn" as const), entries: fc.constant(letters.map(plain)) }),
  fc.record({
    do: fc.constant("claim" as const),
    limit: fc.integer({ min: 1, max: 4 }),
    leaseMs: fc.constantFrom(10, 1000),
    maxRetries: fc.constantFrom(undefined, 0, 1),
  }),
  fc.record({ do: fc.constant("renew" as const), refs: fc.array(ref, { minLength: 1, maxLength: 4 }) }),
  fc.record({
    do: fc.constant("complete" as const),
    refs: fc.array(fc.record({ ref, result }), { minLength: 1, maxLength: 4 }),
  }),
  fc.record({ do: fc.constant("fail" as const), id: letter }),
  fc.record({ do: fc.constant("retry" as const), id: letter }),
  fc.record({ do: fc.constant("block" as const), status: fc.constantFrom("blocked" as const, "active" as const) }),
  fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(10, 100) }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

function plain(id: (typeof letters)[number]) {
  return { id, tier: 1, parent: null, workstream: null, after: none, wait: undefined };
}

/** What a call returned or threw, without the id of the run. */
async function seen(call: () => unknown): Promise<unknown> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof BlackboardError)) throw error;
    return error;
  }
}

/** One of the two runs: with lists, or with single calls. */
class Side {
  readonly board: Board;
  readonly #clock: StandingClock;
  readonly #claims: Claim[] = [];
  readonly #many: boolean;

  constructor(board: Board, clock: StandingClock, many: boolean) {
    this.board = board;
    this.#clock = clock;
    this.#many = many;
  }

  #id(id: string): string {
    return `${this.board.runId}/${id}`;
  }

  #brief({ id, tier, parent, workstream, after, wait }: Extract<Step, { do: "spawn" }>["entries"][number]): NewBrief {
    return {
      briefId: this.#id(id),
      tier,
      role: "coder",
      parentBriefId: parent && this.#id(parent),
      workstreamId: workstream && this.#id(workstream),
      after: after.map((blocker) => this.#id(blocker)),
      ...(wait !== undefined && { notBefore: new Date(this.#clock.read().getTime() + wait) }),
    };
  }

  #ref({ claim, id }: { claim: number | null; id: string }): string | Claim {
    return (claim === null ? undefined : this.#claims[claim % Math.max(this.#claims.length, 1)]) ?? this.#id(id);
  }

  async take(step: Step): Promise<unknown> {
    const { board } = this;
    switch (step.do) {
      case "spawn": {
        const list = step.entries.map((entry) => this.#brief(entry));
        if (this.#many) return await seen(() => board.spawnBriefs(list, { by: "planner" }));
        const spawnEach = function* (tx: Operations) {
          const briefs = [];
          for (const brief of list) briefs.push(yield* outcome(tx.spawnBrief(brief, { by: "planner" })));
          return briefs;
        };
        return await seen(() => inTransaction(board, spawnEach));
      }
      case "claim": {
        const { limit, leaseMs, maxRetries } = step;
        const request = { agentId: "w", leaseMs, maxRetries };
        const claims: Claim[] = this.#many ? await board.claimBriefs({ ...request, limit }) : [];
        while (!this.#many && claims.length < limit) {
          const claim = await board.claimBrief(request);
          if (!claim) break;
          claims.push(claim);
        }
        this.#claims.push(...claims);
        return claims;
      }
      case "renew": {
        const claims = step.refs.map((ref) => this.#ref(ref)).filter((ref) => typeof ref !== "string");
        if (claims.length === 0) return undefined;
        if (this.#many) return await board.renewClaims(claims, { leaseMs: 500 });
        const renewed: unknown[] = [];
        const lost: unknown[] = [];
        for (const claim of claims) {
          const one = await seen(() => board.renewClaim(claim, { leaseMs: 500 }));
          (one instanceof Error ? lost : renewed).push(one);
        }
        return { renewed, lost };
      }
      case "complete": {
        const list = step.refs.map(({ ref, result }) => ({ ref: this.#ref(ref), result, detail: { by: "w" } }));
        if (this.#many) return await board.completeBriefs(list);
        const completed: unknown[] = [];
        for (const { ref, result, detail } of list) {
          const one = await seen(() =>
            typeof ref === "string"
              ? board.completeBrief(ref, result, detail)
              : board.completeBrief(ref, result, detail),
          );
          completed.push(one instanceof Error ? { error: one } : { brief: one });
        }
        return completed;
      }
      case "fail":
        return await seen(() => board.failBrief(this.#id(step.id)));
      case "retry":
        return await seen(() => board.retryBrief(this.#id(step.id)));
      case "block":
        return await seen(() => board.updateWorkstreamStatus(this.#id("ws"), step.status));
      case "wait":
        this.#clock.advance(step.ms);
        return undefined;
    }
  }

  async rows(): Promise<unknown> {
    const { items } = await this.board.listEvents({ limit: 1000 });
    const events = items.map(({ kind, briefId, detail }) => ({ kind, briefId, detail }));
    const briefs = (await this.board.listBriefs()).items.map(({ waitsFor, ...brief }) => ({
      ...brief,
      waits: waitsFor,
    }));
    return { events, briefs };
  }
}

/**
 * The same for both runs: ids without the run, errors as what they say. Without counts of blockers, which a list returns as they
 * are after its last entry.
 */
function comparable(value: unknown, runId: string): unknown {
  const text = JSON.stringify(value, (key, item: unknown) => {
    if (item instanceof BlackboardError) return { code: item.code, message: item.message };
    return key === "waitsFor" ? undefined : item;
  });
  return JSON.parse((text ?? "null").replaceAll(runId, "run"));
}

export function listsModel(engine: Engine): void {
  describe("lists", () => {
    test("do what the same entries do as single calls, in any sequence", { timeout: 120_000 }, async () => {
      const place = await engine.place();
      let n = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 12 }), async (steps) => {
          const name = `case-${n++}`;
          const sides: Side[] = [];
          for (const kind of ["many", "each"]) {
            const clock = new StandingClock();
            const board = await place.open({ runId: `${name}-${kind}`, clock: clock.read });
            await board.createRun("a goal");
            await board.createWorkstream({ workstreamId: `${board.runId}/ws`, name: "api", tier: 0 });
            sides.push(new Side(board, clock, kind === "many"));
          }
          const results: unknown[][] = [];
          for (const side of sides) {
            const { runId } = side.board;
            const own: unknown[] = [];
            for (const step of steps) {
              own.push(comparable(await side.take(step), runId));
              own.push(comparable(await side.rows(), runId));
            }
            results.push(own);
          }
          expect(results[0]).toEqual(results[1]);
          for (const { board } of sides) await board.close();
        }),
        { numRuns: 40 },
      );
    });
  });
}
