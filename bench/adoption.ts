/**
 * Measures the cost of migrations on open, for a current file, a new file, and a file of the Python reference with 100,000
 * briefs and twice as many events.
 *
 * The migrations' share is the time by which the first open is longer than a second open of the same file. The reference's file
 * is compared with the minimal work in plain SQL: copying its events in order, in one transaction.
 */
import { copyFileSync, rmSync } from "node:fs";
import Database from "better-sqlite3";
import { openBlackboard } from "run-blackboard";
import { migrations } from "../src/sqlite/migrations/embedded.sqlite.ts";
import { spread } from "./measure.ts";
import type { Rows } from "./report.ts";
import { openRaw, runId, Sites } from "./sites.ts";

const briefs = 100_000;

interface Adoption {
  readonly file: string;
  readonly briefs: number;
  readonly openMs: number;
  /** Opening the same file again. */
  readonly againMs: number;
  /** The equivalent work in plain SQL, if there is any. */
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

/** Times the first and the second open of each file that `make` returns. */
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

/** Fills a run of realistic size: a payload and a result of a few hundred bytes, two events per brief. */
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

/** Copies the events in order into a table with a `seq` column. */
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
