/** The recipe of OpenTelemetry, with a tracer and a meter that note what they are told. */
import { openBlackboard } from "run-blackboard";
import { expect, test } from "vitest";
import { observeRun, traceOperations } from "../../examples/recipes/tracing.ts";

type Attributes = Record<string, string | number>;

function notingTracer() {
  const ended: { name: string; attributes: Attributes; status: number | undefined }[] = [];
  const startSpan = (name: string, options?: { attributes?: Attributes }) => {
    const attributes = { ...options?.attributes };
    let status: number | undefined;
    return {
      setAttributes: (more: Attributes) => Object.assign(attributes, more),
      setStatus: ({ code }: { code: number }) => {
        status = code;
      },
      end: () => void ended.push({ name, attributes, status }),
    };
  };
  return { ended, startSpan };
}

test("each operation is a span with its run, brief, role and outcome, until tracing is stopped", async () => {
  const tracer = notingTracer();
  using board = openBlackboard({ runId: "traced", file: ":memory:" });
  const stop = traceOperations(tracer);
  board.createRun("a goal");
  board.spawnBrief({ briefId: "b", tier: 1, role: "coder" });
  const waited = board.waitForBrief("b");
  board.completeBrief("b", {});
  await waited;
  expect(() => board.failBrief("b")).toThrow();
  stop();
  board.getRun();
  const runId = "traced";
  expect(tracer.ended).toEqual([
    { name: "run-blackboard createRun", attributes: { runId, outcome: "ok" }, status: undefined },
    {
      name: "run-blackboard spawnBrief",
      attributes: { runId, briefId: "b", role: "coder", outcome: "ok" },
      status: undefined,
    },
    {
      name: "run-blackboard completeBrief",
      attributes: { runId, briefId: "b", role: "coder", outcome: "ok" },
      status: undefined,
    },
    {
      name: "run-blackboard waitForBrief",
      attributes: { runId, briefId: "b", role: "coder", outcome: "ok" },
      status: undefined,
    },
    { name: "run-blackboard failBrief", attributes: { runId, briefId: "b", outcome: "TRANSITION" }, status: 2 },
  ]);
});

test("the gauge observes the run's briefs by status", async () => {
  using board = openBlackboard({ runId: "gauged", file: ":memory:" });
  board.createRun("a goal");
  board.createBrief({ tier: 1, role: "coder" });
  const observed: [number, string | undefined][] = [];
  const callbacks: ((result: { observe(n: number, attributes: Record<string, string>): void }) => unknown)[] = [];
  observeRun({ createObservableGauge: () => ({ addCallback: (one) => void callbacks.push(one) }) }, board);
  for (const callback of callbacks) await callback({ observe: (n, { status }) => void observed.push([n, status]) });
  expect(observed).toEqual([
    [1, "pending"],
    [0, "active"],
    [0, "done"],
    [0, "failed"],
  ]);
});
