/** Operations with two statements: a change with its event, and a claim, which checks first. */
import type Database from "better-sqlite3";
import { newId } from "../../src/input/new-id.ts";
import { langgraphPut, liteque, plainjob } from "../peers.ts";
import { type BriefRow, briefColumns, now, parseBrief } from "../raw.ts";
import { reference } from "../reference.ts";
import { detail, payload, result } from "../samples.ts";
import { type Board, runId, type Sites } from "../sites.ts";
import { calling, type Line, type Side, type Subject, writing } from "../subject.ts";

type Change = (briefId: string) => BriefRow | undefined;

function insertBrief(db: Database.Database): Change {
  const insert = db.prepare<unknown[], BriefRow>(
    `INSERT INTO briefs (brief_id, run_id, tier, role, status, payload, created_at, updated_at)
     VALUES (?, ?, 1, 'coder', 'pending', ?, ?, ?) ON CONFLICT DO NOTHING RETURNING ${briefColumns}`,
  );
  return (briefId) => {
    const time = now();
    const [row] = insert.all(briefId, runId, JSON.stringify(payload), time, time);
    return row && parseBrief(row);
  };
}

/** The change and the event's INSERT in one cached IMMEDIATE transaction. */
function withEvent(db: Database.Database, kind: string, change: Change): Change {
  const insert = db.prepare(
    "INSERT INTO events (event_id, run_id, brief_id, kind, detail, created_at) VALUES (?, ?, ?, ?, ?, ?) RETURNING seq",
  );
  const both = db.transaction((briefId: string) => {
    const brief = change(briefId);
    insert.all(newId(), runId, briefId, kind, JSON.stringify(detail), now());
    return brief;
  });
  return (briefId) => both.immediate(briefId);
}

function updateBrief(db: Database.Database, set: string, from: string, ...values: string[]): Change {
  const update = db.prepare<unknown[], BriefRow>(
    `UPDATE briefs SET ${set}, lease_expires_at = NULL, updated_at = ? WHERE run_id = ? AND brief_id = ? AND status IN (${from})
     RETURNING ${briefColumns}`,
  );
  return (briefId) => {
    const [row] = update.all(...values, now(), runId, briefId);
    return row && parseBrief(row);
  };
}

/** Creates the pending briefs that a block of calls consumes, before it is timed. */
function supplied(fill: (ids: readonly string[]) => void) {
  let ids: string[] = [];
  return {
    supply(calls: number): void {
      ids = Array.from({ length: calls }, () => newId());
      fill(ids);
    },
    next: () => ids.pop() ?? "",
  };
}

const supplyBoard = (board: Board) =>
  supplied((ids) =>
    board.transaction((tx) => {
      for (const briefId of ids) tx.createBrief({ briefId, tier: 1, role: "coder", payload });
    }),
  );

const supplyRaw = (db: Database.Database) => {
  const insert = insertBrief(db);
  const all = db.transaction((ids: readonly string[]) => {
    for (const briefId of ids) insert(briefId);
  });
  return supplied((ids) => all.immediate(ids));
};

/** A status change of a pending brief, by id. */
function moving(
  name: string,
  ours: (board: Board, briefId: string) => unknown,
  raw: (db: Database.Database) => Change,
  peers: (sites: Sites) => Promise<Record<string, Side>> = async () => ({}),
): Line {
  return {
    name,
    levels: writing,
    async sides(sites) {
      const [board, db] = [sites.board(), sites.raw()];
      const [supply, rawSupply] = [supplyBoard(board), supplyRaw(db)];
      const change = raw(db);
      return {
        ours: calling(() => ours(board, supply.next()), supply.supply),
        raw: calling(() => change(rawSupply.next()), rawSupply.supply),
        ...(await peers(sites)),
      };
    },
  };
}

/** Checks for pending briefs without a lock, then selects and claims one in one statement. */
function rawClaim(db: Database.Database, role: string | undefined) {
  const isPending = `run_id = @runId AND status = 'pending' ${role === undefined ? "" : "AND role = @role"}`;
  const look = db.prepare<unknown[], { expired: number; pending: number }>(
    `SELECT EXISTS (SELECT 1 FROM briefs WHERE run_id = @runId AND lease_expires_at <= @now AND +status = 'active') AS expired,
       EXISTS (SELECT 1 FROM briefs WHERE ${isPending}) AS pending`,
  );
  const take = db.prepare<unknown[], BriefRow>(
    `UPDATE briefs SET status = 'active', attempt = attempt + 1, claimed_by = 'agent', lease_expires_at = @end, updated_at = @now
     WHERE run_id = @runId AND brief_id = (
       SELECT brief_id FROM briefs WHERE ${isPending} ORDER BY created_at, brief_id LIMIT 1
     ) RETURNING ${briefColumns}`,
  );
  return () => {
    const time = new Date();
    const wanted = { runId, role, now: time.toISOString(), end: new Date(time.getTime() + 600_000).toISOString() };
    const [found] = look.all(wanted);
    if (found?.pending !== 1) return undefined;
    const [row] = take.all(wanted);
    return row && parseBrief(row);
  };
}

function claiming(
  name: string,
  role: string | undefined,
  peers?: (sites: Sites) => Promise<{ plainjob?: Side }>,
): Line {
  return {
    name,
    levels: writing,
    async sides(sites) {
      const [board, db] = [sites.board(), sites.raw()];
      const claim = rawClaim(db, role);
      return {
        ours: calling(
          () => board.claimBrief({ agentId: "agent", leaseMs: 600_000, role })?.brief,
          supplyBoard(board).supply,
        ),
        raw: calling(claim, supplyRaw(db).supply),
        ...(await peers?.(sites)),
      };
    },
  };
}

const open = "'pending', 'active'";

export const lifecycle: Subject = {
  name: "lifecycle",
  lines: [
    {
      name: "spawnBrief",
      levels: writing,
      async sides(sites) {
        const board = sites.board();
        const db = sites.raw();
        const spawn = withEvent(db, "spawned", insertBrief(db));
        return {
          ours: calling(() => board.spawnBrief({ tier: 1, role: "coder", payload }, detail)),
          raw: calling(() => spawn(newId())),
          ...(await reference(sites, "spawnBrief")),
          ...(await liteque(sites, payload)),
        };
      },
    },
    moving(
      "completeBrief",
      (board, briefId) => board.completeBrief(briefId, result, detail),
      (db) => {
        const update = updateBrief(db, "status = 'done', result = ?", open, JSON.stringify(result));
        return withEvent(db, "completed", update);
      },
      (sites) => reference(sites, "completeBrief").then((side) => ({ ...side })),
    ),
    moving(
      "failBrief",
      (board, briefId) => board.failBrief(briefId, detail),
      (db) => withEvent(db, "failed", updateBrief(db, "status = 'failed'", open)),
    ),
    moving(
      "escalateBrief",
      (board, briefId) => board.escalateBrief(briefId, detail),
      (db) => withEvent(db, "escalated", updateBrief(db, "status = 'failed'", open)),
    ),
    moving(
      "retryBrief",
      (board, briefId) => board.retryBrief(briefId, detail),
      (db) => {
        const set = "status = 'pending', claimed_by = NULL, retry_count = retry_count + 1";
        return withEvent(db, "retried", updateBrief(db, set, `${open}, 'failed'`));
      },
    ),
    claiming("claimBrief", undefined, async (sites) => {
      const { plainjob: side } = await plainjob(sites, payload);
      return side ? { plainjob: side } : {};
    }),
    claiming("claimBrief of a role", "coder"),
    {
      name: "logEvent beside a checkpoint",
      levels: writing,
      async sides(sites) {
        const board = sites.board();
        const db = sites.raw();
        const insert = db.prepare(
          `INSERT INTO events (event_id, run_id, brief_id, kind, detail, created_at) VALUES (?, ?, NULL, 'spawned', ?, ?)
           RETURNING seq`,
        );
        return {
          ours: calling(() => board.logEvent("spawned", { detail }).kind),
          raw: calling(() => {
            insert.all(newId(), runId, JSON.stringify(detail), now());
            return "spawned";
          }),
          ...(await langgraphPut(sites)),
        };
      },
    },
  ],
};
