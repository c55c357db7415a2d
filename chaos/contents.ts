/** Reads a run's file from a copy of it and its companion files, so that the original is unchanged. */
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";

interface BriefRow {
  brief_id: string;
  status: string;
  result: string | null;
  attempt: number;
}
interface EventRow {
  seq: number;
  event_id: string;
}

export interface Contents {
  /** "ok", or the message of SQLite's integrity check or of an error in reading the tables. */
  readonly integrity: string;
  readonly briefs: readonly BriefRow[];
  readonly events: readonly EventRow[];
  /** All rows of all tables as text, for comparison. */
  readonly text: string;
}

const companions = ["-wal", "-journal"];

/** Returns the contents of a file, which no process may have open. */
export function contentsOf(file: string): Contents {
  const folder = mkdtempSync(join(tmpdir(), "run-blackboard-chaos-"));
  const copy = join(folder, "copy.db");
  try {
    for (const ending of ["", ...companions]) {
      if (existsSync(file + ending)) copyFileSync(file + ending, copy + ending);
    }
    return read(copy);
  } catch (error) {
    return { integrity: error instanceof Error ? error.message : String(error), briefs: [], events: [], text: "" };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function read(copy: string): Contents {
  const database = new Database(copy, { fileMustExist: true });
  try {
    const integrity = String(database.pragma("integrity_check(1)", { simple: true }));
    const all = <Row>(sql: string) => database.prepare<[], Row>(sql).all();
    const briefs = all<BriefRow>("SELECT * FROM briefs ORDER BY brief_id");
    const events = all<EventRow>("SELECT * FROM events ORDER BY seq");
    const others = [all("SELECT * FROM runs ORDER BY run_id"), all("SELECT * FROM workstreams ORDER BY workstream_id")];
    return { integrity, briefs, events, text: JSON.stringify([...others, briefs, events]) };
  } finally {
    database.close();
  }
}

/** Returns a hash of each file, or "absent" if it does not exist. */
export function fingerprints(paths: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    paths.map((path) => [
      path,
      existsSync(path) ? createHash("sha256").update(readFileSync(path)).digest("hex").slice(0, 16) : "absent",
    ]),
  );
}
