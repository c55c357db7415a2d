/** Operations are published on the tracing channel `run-blackboard:operation`. */
import { AsyncLocalStorage } from "node:async_hooks";
import { tracingChannel } from "node:diagnostics_channel";
import { type OperationTrace, releaseBrief, summarizeRun } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { type Engine, openRun } from "./engine.ts";

const channel = tracingChannel<unknown, OperationTrace>("run-blackboard:operation");

/** Runs `work` and returns every trace of the run that had ended, in that order. */
async function tracesOf(runId: string, work: () => unknown): Promise<OperationTrace[]> {
  const traces: OperationTrace[] = [];
  const note = (trace: OperationTrace) => {
    if (trace.runId === runId && trace.outcome !== undefined && !traces.includes(trace)) traces.push(trace);
  };
  const nothing = () => undefined;
  const subscribers = { start: nothing, end: note, asyncStart: nothing, asyncEnd: note, error: nothing };
  channel.subscribe(subscribers);
  try {
    await work();
  } finally {
    channel.unsubscribe(subscribers);
  }
  return traces;
}

const told = ({ operation, briefId, role, outcome }: OperationTrace) => [operation, briefId, role, outcome];

export function tracing(engine: Engine): void {
  describe("the tracing channel", () => {
    test("tells of each operation its brief, role, outcome and duration, in a transaction too", async () => {
      const { board } = await openRun(engine);
      const traces = await tracesOf(board.runId, async () => {
        await board.spawnBrief({ briefId: "b", tier: 1, role: "coder" });
        const claim = await board.claimBrief({ agentId: "a", leaseMs: 60_000 });
        if (!claim) throw new Error("nothing to claim");
        await board.claimBrief({ agentId: "a", leaseMs: 60_000, role: "tester" });
        await board.holdClaim(claim, { leaseMs: 60_000 }, async () => 1);
        await releaseBrief(board, "b");
        await Promise.resolve()
          .then(() => board.completeBrief(claim, {}))
          .catch(() => undefined);
        await board.transaction((tx) => tx.getBrief("b"));
        await board.logEvent("failed", { briefId: "b" });
        await summarizeRun(board);
      });
      expect(traces.map(told)).toEqual([
        ["spawnBrief", "b", "coder", "ok"],
        ["claimBrief", "b", "coder", "ok"],
        ["claimBrief", undefined, "tester", "nothing"],
        ["renewClaim", "b", "coder", "ok"],
        ["holdClaim", "b", "coder", "ok"],
        ["releaseBrief", "b", "coder", "ok"],
        ["completeBrief", "b", "coder", "LOST_CLAIM"],
        ["getBrief", "b", "coder", "ok"],
        ["transaction", "b", "coder", "ok"],
        ["logEvent", "b", undefined, "ok"],
        ["summarizeRun", undefined, undefined, "ok"],
      ]);
      for (const { durationMs } of traces) expect(durationMs).toBeGreaterThanOrEqual(0);
      expect(traces.find(({ outcome }) => outcome === "LOST_CLAIM")?.error).toMatchObject({ code: "LOST_CLAIM" });
    });

    test("tells of a call that throws an error of the caller, and reads no more of its arguments than it can", async () => {
      const { board } = await openRun(engine);
      const hostile = {
        get briefId(): string {
          throw new Error("a getter");
        },
        tier: 1,
        role: "coder",
      };
      const traces = await tracesOf(board.runId, async () => {
        await Promise.resolve()
          .then(() => board.createBrief(hostile))
          .catch(() => undefined);
      });
      expect(traces.map(told)).toEqual([["createBrief", undefined, "coder", "ERROR"]]);
    });

    test("binds a store to what an operation runs, such as the generator of ids", async () => {
      const store = new AsyncLocalStorage<OperationTrace>();
      const seen = new Set<string | undefined>();
      let ids = 0;
      const newId = () => {
        seen.add(store.getStore()?.operation);
        return `id-${ids++}`;
      };
      const { board } = await openRun(engine, { newId });
      seen.clear();
      channel.start.bindStore(store);
      try {
        await board.spawnBrief({ tier: 1, role: "coder" });
        await board.transaction((tx) => tx.logEvent("failed"));
      } finally {
        channel.start.unbindStore(store);
      }
      expect(seen).toEqual(new Set(["spawnBrief", "logEvent"]));
      expect(store.getStore()).toBeUndefined();
    });
  });
}
