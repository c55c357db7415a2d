/**
 * Watching: the events of a run as they are committed, by whoever, one after another.
 *
 * It reads the events after the last `seq` again and again, since `seq` grows in the order of commits: nothing is missed and
 * nothing comes twice, whatever happens in between. What makes that cheap is the engine's to say (`Engine.look`). One page is
 * held at a time, bounded by bytes, and the next is read when the last one was taken.
 */
import { allowManyListeners, type Engine, type Found, type Mode } from "./engine/engine.ts";
import { codeOf, isPassing, isThenable } from "./foreign.ts";
import { Check, type Names } from "./input/check.ts";
import { type BlackboardEvent, readEventPage } from "./operations/events.ts";
import type { Context } from "./operations/operation.ts";
import type { Page } from "./operations/pages.ts";

export interface WatchOptions {
  /** The `seq` of the last event known already; 0, the beginning, when left out. */
  after?: number | undefined;
  /** How often to look for new events while there are none, in milliseconds; 50 in a file, 200 on a server when left out. */
  pollMs?: number | undefined;
  /** Ends the watch, without an error. */
  signal?: AbortSignal | undefined;
}
const names: Names<WatchOptions> = { after: true, pollMs: true, signal: true };

/** @throws InvalidInputError, ClosedError: at once, not when the iteration begins. */
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
  // Node would take it for a leak that a server gives one signal to all of its watches. Each wait stops listening at its end.
  if (signal) allowManyListeners(signal);
  return {
    [Symbol.asyncIterator]() {
      const stop = new AbortController();
      const ends = [stop.signal, engine.closed, ...(signal ? [signal] : [])];
      const events = follow(engine, context, after, pollMs, ends);
      return {
        next: () => events.next(),
        // A generator answers to `return` only when it has answered to `next`: that may be waiting for an event.
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
  const isOver = () => ends.some(({ aborted }) => aborted);
  let last = after;
  let seen: string | undefined;
  while (!isOver()) {
    let found: Found<Page<BlackboardEvent, number>> | undefined;
    try {
      const look = engine.look(seen, () => readEventPage(context, { after: last }));
      found = isThenable(look) ? await orOver(ends, look) : look;
    } catch (error) {
      if (codeOf(error) === "CLOSED") return;
      // These pass, and what was committed meanwhile is still behind `last`.
      if (!isPassing(error)) throw error;
    }
    for (const event of found?.value.items ?? []) {
      if (isOver()) return;
      last = event.seq;
      yield event;
    }
    if (found && found.value.next !== null) {
      // There is more already, whatever else is new. Others get a turn first, so that a long way to catch up stops nothing.
      seen = undefined;
      await orOver(ends, new Promise((resolve) => setImmediate(resolve)));
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
  await orOver(ends, time);
  clearTimeout(timer);
}

/** What `work` comes to, or `undefined` as soon as one of the signals aborts. Listens to them no longer than that. */
async function orOver<T>(ends: readonly AbortSignal[], work: Promise<T>): Promise<T | undefined> {
  let end = () => {};
  const over = new Promise<undefined>((resolve) => {
    end = () => resolve(undefined);
  });
  for (const signal of ends) {
    if (signal.aborted) end();
    signal.addEventListener("abort", end);
  }
  try {
    return await Promise.race([over, work]);
  } finally {
    for (const signal of ends) signal.removeEventListener("abort", end);
  }
}
