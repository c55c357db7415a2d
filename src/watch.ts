/**
 * Watching: an async iterable of a run's events as any process commits them.
 *
 * It polls for events after the last `seq`. Because `seq` grows in commit order, no event is missed or repeated. Each engine
 * makes polling cheap (`Engine.look`). It holds one page in memory, bounded by bytes, and reads the next after that one was
 * consumed.
 */
import { allowManyListeners, type Engine, type Found, type Mode } from "./engine/engine.ts";
import { codeOf, isPassing, isThenable } from "./foreign.ts";
import { Check, type Names } from "./input/check.ts";
import { type BlackboardEvent, readEventPage } from "./operations/events.ts";
import type { Context } from "./operations/operation.ts";
import type { Page } from "./operations/pages.ts";

export interface WatchOptions {
  /** Return events with a greater `seq` than this. Default: 0, the beginning. */
  after?: number | undefined;
  /** Interval of polling for new events, in milliseconds. Default: 50 on SQLite, 200 on PostgreSQL. */
  pollMs?: number | undefined;
  /** Ends the watch without an error when it aborts. */
  signal?: AbortSignal | undefined;
}
const names: Names<WatchOptions> = { after: true, pollMs: true, signal: true };

/** @throws InvalidInputError, ClosedError: immediately, not when the iteration starts. */
export function watchEvents(
  engine: Engine<Mode, unknown>,
  context: Context,
  options: WatchOptions | undefined,
): AsyncIterable<BlackboardEvent> {
  if (engine.closed.aborted) throw engine.closed.reason;
  const check = new Check();
  const asked = check.object("options", options, names);
  const after = asked.after === undefined ? 0 : check.integer("after", asked.after, 0, Number.MAX_SAFE_INTEGER);
  const pollMs = asked.pollMs === undefined ? engine.pollMs : check.integer("pollMs", asked.pollMs, 1);
  if (asked.signal !== undefined) check.signal("signal", asked.signal);
  check.done();
  const { signal } = asked;
  // Node warns of a leak when many watches share one signal. Each wait removes its listener when it ends.
  if (signal) allowManyListeners(signal);
  return {
    [Symbol.asyncIterator]() {
      const stop = new AbortController();
      const ends = [stop.signal, engine.closed, ...(signal ? [signal] : [])];
      const events = follow(engine, context, after, pollMs, ends);
      return {
        next: () => events.next(),
        // A generator settles `return` only after the pending `next`, which may be waiting for an event.
        return: () => {
          stop.abort();
          return events.return(undefined);
        },
        [Symbol.asyncIterator]() {
          return this;
        },
      };
    },
  };
}

async function* follow(
  engine: Engine<Mode, unknown>,
  context: Context,
  after: number,
  pollMs: number,
  ends: readonly AbortSignal[],
): AsyncGenerator<BlackboardEvent, undefined, undefined> {
  const hasEnded = () => ends.some(({ aborted }) => aborted);
  let last = after;
  let seen: string | undefined;
  while (!hasEnded()) {
    let found: Found<Page<BlackboardEvent, number>> | undefined;
    try {
      const look = engine.look(seen, () => readEventPage(context, { after: last }));
      found = isThenable(look) ? await untilAborted(ends, look) : look;
    } catch (error) {
      if (codeOf(error) === "CLOSED") return;
      // The error is transient, and events committed meanwhile have a `seq` greater than `last`.
      if (!isPassing(error)) throw error;
    }
    for (const event of found?.value.items ?? []) {
      if (hasEnded()) return;
      last = event.seq;
      yield event;
    }
    if (found && found.value.next !== null) {
      // The next page exists already. Yield to the event loop so that a long backlog doesn't block it.
      seen = undefined;
      await untilAborted(ends, new Promise((resolve) => setImmediate(resolve)));
      continue;
    }
    if (found) seen = found.version;
    await pause(ends, pollMs);
  }
}

async function pause(ends: readonly AbortSignal[], milliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const time = new Promise((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await untilAborted(ends, time);
  clearTimeout(timer);
}

/** Resolves with `work`'s value, or with `undefined` as soon as a signal aborts. Removes its listeners afterwards. */
async function untilAborted<T>(ends: readonly AbortSignal[], work: Promise<T>): Promise<T | undefined> {
  let end = () => {};
  const aborted = new Promise<undefined>((resolve) => {
    end = () => resolve(undefined);
  });
  for (const signal of ends) {
    if (signal.aborted) end();
    signal.addEventListener("abort", end);
  }
  try {
    return await Promise.race([aborted, work]);
  } finally {
    for (const signal of ends) signal.removeEventListener("abort", end);
  }
}
