/**
 * Journals of acknowledged calls: each process appends a line to its own file right after a call returns. Every write in a
 * journal must be in the run's file. The converse does not hold: a process may be killed between the call and the line.
 */
import { existsSync, openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";

export type Entry =
  | { did: "brief"; id: string; at: number }
  | { did: "event"; id: string; at: number }
  | { did: "claim"; id: string; attempt: number; at: number }
  | { did: "complete"; id: string; attempt: number; by: string; at: number }
  /** A watch returned this event. */
  | { did: "saw"; id: string; seq: number; at: number }
  /** An occurrence that a scenario waits for or counts. */
  | { did: "note"; what: string; at: number; detail?: string }
  | { did: "error"; code: string; message: string; during: string; at: number };

type WithoutTime<E> = E extends unknown ? Omit<E, "at"> : never;

export class Journal {
  readonly #descriptor: number;

  constructor(path: string) {
    this.#descriptor = openSync(path, "a");
  }

  /** Appends an entry. `at` is the start of the call in milliseconds since 1970 (default: now). */
  write(entry: WithoutTime<Entry>, at: number = Date.now()): void {
    writeSync(this.#descriptor, `${JSON.stringify({ ...entry, at })}\n`);
  }

  /** Appends an entry for a failed call. */
  error(during: string, error: unknown): void {
    const code = error instanceof Error && "code" in error ? String(error.code) : "none";
    this.write({ did: "error", code, message: error instanceof Error ? error.message : String(error), during });
  }
}

export interface JournalOf {
  /** The file's name without its extension. */
  readonly name: string;
  readonly entries: readonly Entry[];
}

export function readJournal(path: string): Entry[] {
  // A process that was killed while loading has written no journal.
  if (!existsSync(path)) return [];
  // The last line may be incomplete if its process was killed.
  const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
  return lines.map((line): Entry => JSON.parse(line));
}

export function readJournals(folder: string): JournalOf[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".journal"))
    .map((name) => ({ name: name.slice(0, -".journal".length), entries: readJournal(join(folder, name)) }));
}
