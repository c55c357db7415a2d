/**
 * What migrations cost whoever opens a file: one that is current, one that does not exist yet, and one of the Python reference
 * with 100,000 briefs and twice as many events.
 *
 * The share of an opening that migrations take is what it takes longer than opening the same file again, when there is nothing
 * to do. Beside the reference's file the least that brings its events into order: one transaction of plain SQL.
 */
import { copyFileSync, rmSync } from "node:fs";
import Database from "better-sqlite3";
import { openBlackboard } from "run-blackboard";
import { migrations } from "../src/sqlite/migrations/embedded.sqlite.ts";
import { spread } from "./measure.ts";
import type { Rows } from "./report.ts";
import { openRaw, runId, Sites } from "./sites.ts";

const briefs = 100_000;

export interface Adoption {
  readonly file: string;
  readonly briefs: number;
  readonly openMs: number;
  /** Opening the same file once more. */
  readonly againMs: number;
  /** The same work in plain SQL, where there is any. */
  readonly rawMs?: number;
}

export function adoption(rounds: number): Adoption[] {
  using sites = new Sites("full");
  const current = sites.seeded();
  const reference = writtenByReference(sites.newFile());
  return [
    { file: "current", briefs: 0, ...opened(rounds, () => current) },
    { file: "new", briefs: 0, ...opened(rounds, () => sites.newFile()) },
    { file: "the reference's", briefs, ...opened(rounds, () => copied(reference, sites), rebuildRaw) },
  ];
}

/** The first opening of files that `make` gives, and the second. */
function opened(rounds: number, make: () => string, raw?: (path: string) => void) {
  const [first, second, plain]: number[][] = [[], [], []];
  for (let round = 0; round < rounds; round++) {
    const path = make();
    first?.push(timeMs(() => openBlackboard({ runId, file: path }).close()));
    second?.push(timeMs(() => openBlackboard({ runId, file: path }).close()));
    if (!raw) continue;
    rmSync(path);
    const other = make();
    plain?.push(timeMs(() => raw(other)));
    rmSync(other);
  }
  const median = (times: number[] = []) => spread(times).median;
  return { openMs: median(first), againMs: median(second), ...(raw && { rawMs: median(plain) }) };
}

function timeMs(call: () => void): number {
  const start = performance.now();
  call();
  return performance.now() - start;
}

function copied(reference: string, sites: Sites): string {
  const copy = sites.newFile();
  copyFileSync(reference, copy);
  return copy;
}

/** As large as such a run becomes: a payload and a result of a few hundred bytes, two events a brief. */
function writtenByReference(file: string): string {
  const db = new Database(file);
  db.exec(migrations[0]?.sql ?? "");
  db.exec(`
    PRAGMA journal_mode = WAL;
    INSERT INTO runs VALUES ('${runId}', 'Find out what it costs', 'active', '2026-11-22', '2026-11-22');
    WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ${briefs})
    INSERT INTO briefs (brief_id, run_id, tier, role, status, payload, result, created_at, updated_at)
      SELECT 'brief-' || n, '${runId}', n % 3, 'coder', 'done', json_object('n', n, 'text', hex(zeroblob(100))),
        json_object('n', n, 'text', hex(zeroblob(50))), '2026-11-22', '2026-11-22' FROM c;
    INSERT INTO events
      SELECT lower(hex(randomblob(16))), '${runId}', brief_id, kind, '{}', '2026-11-22'
      FROM briefs, (SELECT 'spawned' AS kind UNION ALL SELECT 'completed');
  `);
  db.close();
  return file;
}

/** The events, copied in their order into a table with a number of their own. */
function rebuildRaw(file: string): void {
  const db = openRaw(file, "full");
  db.exec(`
    BEGIN IMMEDIATE;
    CREATE TABLE copy (seq INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL, run_id TEXT NOT NULL, brief_id TEXT,
      kind TEXT NOT NULL, detail TEXT, created_at TEXT NOT NULL);
    INSERT INTO copy (event_id, run_id, brief_id, kind, detail, created_at)
      SELECT event_id, run_id, brief_id, kind, detail, created_at FROM events ORDER BY rowid;
    DROP TABLE events;
    ALTER TABLE copy RENAME TO events;
    CREATE UNIQUE INDEX event_ids ON events (event_id);
    COMMIT;
  `);
  db.close();
}

export function adoptionRows(all: readonly Adoption[]): Rows {
  const rows = all.map(({ file, briefs, openMs, againMs, rawMs }) => {
    const ownMs = openMs - againMs;
    const share = file === "current" ? "none" : `${Math.round((100 * ownMs) / openMs)} %`;
    const beside = rawMs === undefined ? ["", ""] : [rawMs.toFixed(0), (ownMs / rawMs).toFixed(2)];
    return [file, briefs.toLocaleString("en"), openMs.toFixed(1), againMs.toFixed(1), share, ...beside];
  });
  const head = ["file", "briefs", "open ms", "again ms", "migrations", "plain SQL ms", "migrations ÷ plain"];
  return [head, ...rows];
}
