/**
 * Compares claims, moves and everything that decides a claim with a model after every step of random sequences: several agents
 * that keep old claims, briefs that come after others, a clock that advances, statuses that hold claims back, and updates and
 * deletes of another program.
 */
import fc from "fast-check";
import { briefStatuses, type RunStatus, type WorkstreamStatus } from "run-blackboard";
import { describe, test } from "vitest";
import {
  advance,
  claim,
  compare,
  compareAll,
  create,
  moveById,
  type Real,
  remove,
  setResult,
  setRun,
  setStatus,
  setStatusBySql,
  setWorkstream,
  spoil,
  type Use,
  use,
} from "./claims-steps.ts";
import { type Engine, StandingClock } from "./engine.ts";
import { type Move, QueueModel } from "./queue-model.ts";

const ids = ["a", "b", "c", "d", "e"] as const;
const id = fc.constantFrom(...ids);
const role = fc.constantFrom("coder", "coder", "tester");
const workstream = fc.constantFrom("w1", "w2");
const leaseMs = fc.constantFrom(1, 10, 100);
const delayMs = fc.constantFrom(0, 0, 1, 10, 100);
const result = fc.constantFrom({ n: 1 }, { n: 2 });
const progress = fc.constantFrom(undefined, null, { step: 1 }, { step: 2 });
/** Mostly undefined. */
const seldom = <T>(some: fc.Arbitrary<T>) => fc.oneof(fc.constant(undefined), fc.constant(undefined), some);
/** Mostly after briefs with earlier letters, which are more likely to exist. */
const newBrief = fc
  .record({
    id,
    role,
    workstream: fc.constantFrom(null, "w1", "w2"),
    priority: fc.constantFrom(0, 0, 0, 1, -1),
    after: fc.subarray(["a", "b", "c"], { maxLength: 2 }),
    wait: fc.constantFrom(undefined, undefined, undefined, -5, 0, 5, 50, 500),
  })
  .map(({ after, ...brief }) => ({ ...brief, after: after.filter((blocker) => blocker < brief.id) }));
const asked = fc.record({
  agentId: fc.constantFrom("w-1", "w-2", "w-3"),
  leaseMs,
  role: seldom(role),
  workstream: seldom(workstream),
  maxRetries: seldom(fc.nat(2)),
});
const anyMove = fc.constantFrom<Move>("complete", "complete", "fail", "escalate", "retry", "retry", "retry");
const anyUse = fc.constantFrom<Use>("complete", "complete", "renew", "release", "fail", "escalate", "retry");
const using = fc.record({ leaseMs, delayMs, result, progress });
const open = ["pending", "active"] as const;
const runStatus = fc.constantFrom<RunStatus>(...open, ...open, ...open, "review", "done", "failed");
const workstreamStatus = fc.constantFrom<WorkstreamStatus>("blocked", "blocked", "active", "pending", "done", "failed");
const spawning = fc.tuple(newBrief, fc.boolean()).map(([brief, spawns]) => create(brief, spawns));
const claiming = asked.map(claim);
const commands = [
  spawning,
  spawning,
  spawning,
  claiming,
  claiming,
  claiming,
  claiming,
  claiming,
  fc
    .tuple(id, fc.subarray([...ids]), fc.boolean())
    .map(([id, after, spawns]) =>
      create({ id, role: "coder", workstream: null, priority: 0, after, wait: undefined }, spawns),
    ),
  fc.tuple(anyUse, fc.constantFrom(0, 0, 1, 2), using).map((given) => use(...given)),
  fc.tuple(anyUse, fc.constantFrom(0, 0, 1, 2), using).map((given) => use(...given)),
  fc.tuple(anyMove, id, result, delayMs).map((given) => moveById(...given)),
  fc.tuple(anyMove, id, result, delayMs).map((given) => moveById(...given)),
  fc.tuple(id, fc.constantFrom(...briefStatuses, "pending" as const)).map((given) => setStatus(...given)),
  fc.tuple(id, fc.constantFrom(...briefStatuses)).map((given) => setStatusBySql(...given)),
  fc.tuple(id, result).map((given) => setResult(...given)),
  runStatus.map(setRun),
  fc.tuple(workstream, workstreamStatus).map((given) => setWorkstream(...given)),
  fc.constantFrom(1, 5, 50, 500).map(advance),
  fc.constantFrom(1, 5, 50, 500).map(advance),
  fc.constantFrom("d", "e").map(spoil),
  id.map(remove),
  fc.constant(compare),
];

export function claimsModel(engine: Engine): void {
  describe("random sequences of claims and moves", () => {
    test("claims, moves and lists match a model after every step", async () => {
      const place = await engine.place();
      let runs = 0;
      const sequences = fc.commands(commands, { maxCommands: 100, size: "max" });
      await fc.assert(
        fc.asyncProperty(sequences, async (sequence) => {
          const clock = new StandingClock();
          const board = await place.open({ runId: `run-${++runs}`, clock: clock.read });
          await board.createRun("a goal");
          const own = (id: string) => `${board.runId}/${id}`;
          const model = new QueueModel(clock.read().getTime());
          for (const id of Object.keys(model.workstreams)) {
            await board.createWorkstream({ workstreamId: own(id), name: id, tier: 1 });
          }
          const real: Real = { board, place, clock, claims: [], own };
          await fc.asyncModelRun(() => ({ model, real }), sequence);
          await compareAll(model, real);
          await board.close();
        }),
        { numRuns: 50 },
      );
    });
  });
}
