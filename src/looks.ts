/**
 * The look that everything which waits on one blackboard shares: one timer, at the shortest interval asked for, and one
 * operation that answers all of it. On SQLite a look that finds the file unchanged reads nothing (`Engine.look`).
 */
import type { Engine, Mode } from "./engine/engine.ts";
import { isPassing } from "./foreign.ts";
import type { Context } from "./operations/operation.ts";
import { type Answer, lookAt, type Question } from "./operations/waits.ts";

export interface Watcher {
  readonly pollMs: number;
  /** What to find out at the next look. */
  question(): Question;
  answer(answer: Answer): void;
  /** Called when the blackboard closes, and with an error of a look that is not transient. */
  fail(error: unknown): void;
}

export class Looks {
  readonly #engine: Engine<Mode, unknown>;
  readonly #context: Context;
  readonly #watchers = new Set<Watcher>();
  /** Those that no look has answered yet. */
  readonly #fresh = new Set<Watcher>();
  #isLooking = false;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer is set for, by `performance.now()`. */
  #timerAt = Number.POSITIVE_INFINITY;
  /** When to look for all watchers again, and when for the fresh ones. */
  #pollAt = Number.POSITIVE_INFINITY;
  #freshAt = Number.POSITIVE_INFINITY;
  /** The version of the database at the latest look for all watchers. */
  #seen: string | undefined;

  constructor(engine: Engine<Mode, unknown>, context: Context) {
    this.#engine = engine;
    this.#context = context;
    engine.closed.addEventListener("abort", () => this.#fail(engine.closed.reason));
  }

  /** Default interval of looks, in milliseconds. */
  get pollMs(): number {
    return this.#engine.pollMs;
  }

  /** The error of a closed blackboard, if it is closed. */
  requireOpen(): void {
    if (this.#engine.closed.aborted) throw this.#engine.closed.reason;
  }

  /**
   * Adds a watcher until it is removed. It is looked at as soon as possible, or with `isKnown` at the next interval. Keeps the
   * process alive.
   */
  add(watcher: Watcher, { isKnown }: { isKnown: boolean }): void {
    const now = performance.now();
    this.#watchers.add(watcher);
    this.#pollAt = Math.min(this.#pollAt, now + watcher.pollMs);
    if (!isKnown) {
      this.#fresh.add(watcher);
      this.#freshAt = Math.min(this.#freshAt, now);
    }
    this.#schedule();
  }

  remove(watcher: Watcher): void {
    this.#fresh.delete(watcher);
    if (!this.#watchers.delete(watcher) || this.#watchers.size > 0) return;
    this.#pollAt = Number.POSITIVE_INFINITY;
    this.#stop();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timerAt = Number.POSITIVE_INFINITY;
  }

  #schedule(): void {
    const at = Math.min(this.#pollAt, this.#freshAt);
    if (this.#isLooking || at >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(() => void this.#look(), Math.max(0, at - performance.now()));
  }

  async #look(): Promise<void> {
    this.#stop();
    this.#isLooking = true;
    this.#freshAt = Number.POSITIVE_INFINITY;
    // Watchers that are added one after the other must not cause a look for all of them each time.
    const isForAll = this.#fresh.size === 0 || performance.now() >= this.#pollAt;
    const seen = this.#fresh.size === 0 ? this.#seen : undefined;
    let asked: Watcher[] = [];
    let isWhole = false;
    try {
      const found = await this.#engine.look(seen, () => {
        asked = [...(isForAll ? this.#watchers : this.#fresh)];
        isWhole = asked.length === this.#watchers.size;
        return lookAt(
          this.#context,
          asked.map((watcher) => watcher.question()),
        );
      });
      if (found) {
        // After a look for the fresh ones only, the others still have to learn what changed since theirs.
        if (isWhole) this.#seen = found.version;
        this.#pass(asked, found.value);
      }
    } catch (error) {
      if (!isPassing(error)) this.#fail(error);
    }
    this.#isLooking = false;
    if (isForAll) this.#pollAt = performance.now() + this.#shortest();
    // Watchers that came during the look are looked at immediately; after one that failed, at the next interval.
    this.#schedule();
  }

  #pass(asked: readonly Watcher[], answers: readonly Answer[]): void {
    for (const watcher of asked) this.#fresh.delete(watcher);
    for (const [index, answer] of answers.entries()) {
      const watcher = asked[index];
      // It may have been removed while the server answered.
      if (watcher && this.#watchers.has(watcher)) watcher.answer(answer);
    }
  }

  #fail(error: unknown): void {
    for (const watcher of [...this.#watchers]) watcher.fail(error);
  }

  #shortest(): number {
    let shortest = Number.POSITIVE_INFINITY;
    for (const { pollMs } of this.#watchers) shortest = Math.min(shortest, pollMs);
    return shortest;
  }
}
