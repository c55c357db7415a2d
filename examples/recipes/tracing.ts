/** OpenTelemetry: a span for every operation, and gauges of what a run waits for. */
import { tracingChannel } from "node:diagnostics_channel";
import type { Blackboard, Mode, OperationTrace } from "run-blackboard";

/** The part of `@opentelemetry/api` that is used: pass `trace.getTracer("run-blackboard")`, `metrics.getMeter("run-blackboard")`. */
interface Span {
  setAttributes(attributes: Record<string, string | number>): unknown;
  setStatus(status: { code: number; message?: string }): unknown;
  end(): void;
}
interface Tracer {
  startSpan(name: string, options?: { attributes?: Record<string, string | number> }): Span;
}
interface Gauge {
  addCallback(
    callback: (result: { observe(value: number, attributes: Record<string, string>): void }) => unknown,
  ): void;
}
interface Meter {
  createObservableGauge(name: string, options?: { description?: string }): Gauge;
}

/** SpanStatusCode.ERROR */
const failed = 2;

/** Starts a span for every operation of every blackboard of this process. Returns a function that stops it. */
export function traceOperations(tracer: Tracer): () => void {
  const channel = tracingChannel<string, OperationTrace>("run-blackboard:operation");
  const spans = new WeakMap<OperationTrace, Span>();
  const finish = (operation: OperationTrace) => {
    // A promise has been returned, and has not settled.
    if (operation.outcome === undefined) return;
    const { briefId, role, outcome, error } = operation;
    const span = spans.get(operation);
    span?.setAttributes({ outcome, ...(briefId !== undefined && { briefId }), ...(role !== undefined && { role }) });
    if (error !== undefined) span?.setStatus({ code: failed, message: String(error) });
    span?.end();
    spans.delete(operation);
  };
  const subscribers = {
    start: (operation: OperationTrace) => {
      const { operation: name, runId } = operation;
      spans.set(operation, tracer.startSpan(`run-blackboard ${name}`, { attributes: { runId } }));
    },
    end: finish,
    asyncEnd: finish,
    asyncStart: () => undefined,
    error: () => undefined,
  };
  channel.subscribe(subscribers);
  return () => void channel.unsubscribe(subscribers);
}

/** Observes the number of briefs by status whenever metrics are collected. */
export function observeRun(meter: Meter, board: Blackboard<Mode>): void {
  const gauge = meter.createObservableGauge("run_blackboard.briefs", { description: "Briefs of a run by status" });
  gauge.addCallback(async (result) => {
    const { briefs } = await board.getRunSummary();
    for (const [status, n] of Object.entries(briefs)) result.observe(n, { runId: board.runId, status });
  });
}
