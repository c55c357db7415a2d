/**
 * What was acknowledged: each process appends a line to a file of its own right after a call returned. A process that is
 * killed between the two has written something that no journal names; what a journal names must be in the run's file.
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
  /** Something that a scenario waits for or counts. */
  | { did: "note"; what: string; at: number; detail?: string }
  | { did: "error"; code: string; message: string; during: string; at: number };

type WithoutTime<E> = E extends unknown ? Omit<E, "at"> : never;

export class Journal {
  readonly #descriptor: number;

  constructor(path: string) {
    this.#descriptor = openSync(path, "a");
  }

  /** `at`: when the call began, in milliseconds since 1970; now when left out. */
  write(entry: WithoutTime<Entry>, at: number = Date.now()): void {
    writeSync(this.#descriptor, `${JSON.stringify({ ...entry, at })}\n`);
  }

  /** Writes down that a call failed. */
  error(during: string, error: unknown): void {
    const code = error instanceof Error && "code" in error ? String(error.code) : "none";
    this.write({ did: "error", code, message: error instanceof Error ? error.message : String(error), during });
  }
}

export interface JournalOf {
  /** The file's name without its ending. */
  readonly name: string;
  readonly entries: readonly Entry[];
}

export function readJournal(path: string): Entry[] {
  // A process that was killed while it was loading has written none.
  if (!existsSync(path)) return [];
  // The last line is unfinished where its process was killed.
  const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
  return lines.map((line): Entry => JSON.parse(line));
}

export function readJournals(folder: string): JournalOf[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".journal"))
    .map((name) => ({ name: name.slice(0, -".journal".length), entries: readJournal(join(folder, name)) }));
}
