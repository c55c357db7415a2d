/**
 * Query plans of lists, claims and the summary: each uses one index that ends in the list's order, so nothing is
 * sorted, no table is scanned, and the cost does not grow with the run.
 */
import type { BriefFilter } from "run-blackboard";
import type { Operations, Place } from "./engine.ts";

const size = 6000;
/** Rows of realistic width, so that an index is cheaper to read than the rows. */
const wide = JSON.stringify({ note: "x".repeat(400) });
const numbers = `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${size})`;
const id = (number: string) => `'b' || cast(${number} AS text)`;
/** A second run, so that the run's id is selective. */
const run = "CASE WHEN n % 2 = 0 THEN 'run-1' ELSE 'run-2' END";

const briefs = `${numbers}
  INSERT INTO briefs (brief_id, run_id, parent_brief_id, workstream_id, tier, role, status, created_at, updated_at,
    attempt, claimed_by, lease_expires_at, payload)
  SELECT ${id("n")}, ${run}, CASE WHEN n > 100 THEN ${id("n / 100")} END, CASE WHEN n > 50 THEN 'w' || cast(n % 40 AS text) END,
    n % 50, 'role ' || cast(n % 30 AS text), CASE n % 8 WHEN 0 THEN 'active' WHEN 2 THEN 'pending' WHEN 4 THEN 'failed' ELSE 'done' END,
    'time ' || cast(n + 100000 AS text), '', 1, 'somebody', CASE WHEN n % 8 = 0 THEN '9' || cast(n + 100000 AS text) END, '${wide}'
  FROM numbers`;
const events = `${numbers}
  INSERT INTO events (event_id, run_id, brief_id, kind, detail, created_at)
  SELECT 'e' || cast(n AS text), ${run}, ${id("n / 5")}, CASE WHEN n % 100 = 0 THEN 'escalated' ELSE 'completed' END, '${wide}', ''
  FROM numbers`;
const workstreams = `${numbers}
  INSERT INTO workstreams (workstream_id, run_id, name, tier, created_at, updated_at)
  SELECT 'w' || cast(n AS text), ${run}, 'part', 0, 'time ' || cast(n + 100000 AS text), '' FROM numbers WHERE n <= 2000`;

/** A call and the indexes that its queries must use; several if the call runs several queries. */
type Case = [name: string, indexes: string[], call: (board: Operations) => unknown];

/** The cases of each filter of briefs: one that is missing doesn't compile. */
const filtered: Readonly<Record<Exclude<keyof BriefFilter, "after" | "limit">, Case[]>> = {
  status: [
    ["listBriefs by status", ["briefs_by_status"], (board) => board.listBriefs({ status: "failed" })],
    [
      "listBriefs by several statuses",
      ["briefs_by_age"],
      (board) => board.listBriefs({ status: ["active", "pending"] }),
    ],
  ],
  role: [
    ["listBriefs by role", ["briefs_by_age"], (board) => board.listBriefs({ role: "role 2" })],
    ["listBriefs by several roles", ["briefs_by_age"], (board) => board.listBriefs({ role: ["role 2", "role 3"] })],
  ],
  tier: [["listBriefs by tier", ["briefs_by_age"], (board) => board.listBriefs({ tier: 2 })]],
  workstreamId: [
    ["listBriefs by workstream", ["briefs_by_age"], (board) => board.listBriefs({ workstreamId: "w2" })],
    ["listBriefs without workstream", ["briefs_by_age"], (board) => board.listBriefs({ workstreamId: null })],
  ],
  ready: [
    ["listBriefs that are ready", ["briefs_by_status"], (board) => board.listBriefs({ ready: true })],
    ["listBriefs that are not ready", ["briefs_by_status"], (board) => board.listBriefs({ ready: false })],
  ],
  parentBriefId: [
    ["listBriefs by parent", ["briefs_by_parent"], (board) => board.listBriefs({ parentBriefId: "b2" })],
    ["listBriefs without parent", ["briefs_by_parent"], (board) => board.listBriefs({ parentBriefId: null })],
  ],
};

export const cases: Case[] = [
  ["listBriefs of all", ["briefs_by_age"], (board) => board.listBriefs()],
  ...Object.values(filtered).flat(),
  ["listWorkstreams", ["workstreams_by_age"], (board) => board.listWorkstreams()],
  ["listEvents from the middle", ["events_by_seq"], (board) => board.listEvents({ after: size / 2 })],
  ["listEvents of a rare kind", ["events_by_kind"], (board) => board.listEvents({ kinds: ["escalated"] })],
  ["listEvents of a common kind", ["events_by_kind"], (board) => board.listEvents({ kinds: ["completed"] })],
  [
    "listEvents of a rare kind from the middle",
    ["events_by_kind"],
    (board) => board.listEvents({ kinds: ["retried"], after: size / 2 }),
  ],
  [
    "listEvents of several kinds",
    ["events_by_seq"],
    (board) => board.listEvents({ kinds: ["escalated", "completed"], after: 7 }),
  ],
  ["listEvents of a brief", ["events_by_brief"], (board) => board.listEvents({ briefId: "b7" })],
  [
    "listEvents of a brief and kind",
    ["events_by_brief"],
    (board) => board.listEvents({ briefId: "b7", kinds: ["completed"] }),
  ],
  [
    "claimBrief",
    ["briefs_leased", "briefs_delayed", "briefs_ready"],
    (board) => board.claimBrief({ agentId: "a", leaseMs: 1_000_000 }),
  ],
  [
    "claimBrief of a role",
    ["briefs_leased", "briefs_delayed", "briefs_ready_by_role"],
    (board) => board.claimBrief({ agentId: "a", leaseMs: 1_000_000, role: "role 2" }),
  ],
  [
    "claimBrief of several roles",
    ["briefs_leased", "briefs_delayed", "briefs_ready"],
    (board) => board.claimBrief({ agentId: "a", leaseMs: 1_000_000, role: ["role 2", "role 3"] }),
  ],
  [
    "claimBrief of an unused role",
    ["briefs_leased", "briefs_delayed", "briefs_ready_by_role"],
    (board) => board.claimBrief({ agentId: "a", leaseMs: 1_000_000, role: "nobody" }),
  ],
  [
    "claimBriefs",
    ["briefs_leased", "briefs_delayed", "briefs_ready"],
    (board) => board.claimBriefs({ agentId: "a", leaseMs: 1_000_000, limit: 100 }),
  ],
  [
    "claimBriefs of a role",
    ["briefs_leased", "briefs_delayed", "briefs_ready_by_role"],
    (board) => board.claimBriefs({ agentId: "a", leaseMs: 1_000_000, role: "role 4", limit: 100 }),
  ],
  [
    "claimBrief of a role, tier and workstream",
    ["briefs_leased", "briefs_delayed", "briefs_ready_by_role"],
    (board) => board.claimBrief({ agentId: "a", leaseMs: 1_000_000, role: "role 2", tier: 2, workstreamId: "w2" }),
  ],
];

/** The operations on lists of claims, which find their briefs by key. Each call changes other briefs of `fill`. */
export const listCases: [name: string, call: (board: Operations, claims: readonly Claimed[]) => unknown][] = [
  ["renewClaims", (board, claims) => board.renewClaims([...claims], { leaseMs: 1000 })],
  [
    "completeBriefs",
    (board, claims) =>
      board.completeBriefs(claims.map((ref, n) => ({ ref: n % 2 ? ref : ref.brief.briefId, result: { n } }))),
  ],
  [
    "spawnBriefs",
    (board) =>
      board.spawnBriefs([
        { briefId: "b2", tier: 2, role: "role 2", workstreamId: null, payload: JSON.parse(wide) },
        ...Array.from({ length: 9 }, () => ({ tier: 1, role: "coder", parentBriefId: "b4", after: ["b6", "b8"] })),
      ]),
  ],
];
type Claimed = { brief: { briefId: string }; attempt: number };

/** The claims of active briefs of `fill`. */
export const filledClaims: Claimed[] = Array.from({ length: 20 }, (_, n) => ({
  brief: { briefId: `b${(n + 3) * 8}` },
  attempt: 1,
}));

/** Fills a database that contains only the run `run-1` with rows of two runs. */
export async function fill({ sql }: Place): Promise<void> {
  await sql("INSERT INTO runs SELECT 'run-2', goal, status, created_at, updated_at FROM runs");
  for (const text of [workstreams, briefs, events]) await sql(text);
}

/**
 * Fills the run `run-1` with briefs that can't be claimed: that wait for an active brief, that are before their time, and that
 * are in a blocked workstream.
 */
export async function fillUnready({ sql }: Place, each: number): Promise<void> {
  const columns = "brief_id, run_id, tier, role, created_at, updated_at";
  const row = (kind: string) => `'${kind}' || cast(n AS text), 'run-1', 1, 'coder', '2026', '2026'`;
  const upTo = `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${each})`;
  await sql(`INSERT INTO workstreams (workstream_id, run_id, name, tier, status, created_at, updated_at)
    VALUES ('held', 'run-1', 'held', 1, 'blocked', '', '')`);
  await sql(`INSERT INTO briefs (${columns}, status) VALUES ('first', 'run-1', 1, 'coder', '2026', '2026', 'active')`);
  await sql(`${upTo} INSERT INTO briefs (${columns}) SELECT ${row("waits")} FROM numbers`);
  await sql(`${upTo} INSERT INTO dependencies (run_id, brief_id, blocker_id)
    SELECT 'run-1', 'waits' || cast(n AS text), 'first' FROM numbers`);
  await sql(
    `${upTo} INSERT INTO briefs (${columns}, not_before, parked) SELECT ${row("later")}, '9999', 1 FROM numbers`,
  );
  await sql(`${upTo} INSERT INTO briefs (${columns}, workstream_id) SELECT ${row("held")}, 'held' FROM numbers`);
}

/** Collects the blackboard's queries as plain SQL, for its `logger` option. */
export class Questions {
  readonly asked: string[] = [];

  logQuery(query: string, parameters: unknown[]): void {
    if (!/^\W*(?:select|update|with)/i.test(query)) return;
    let n = 0;
    const literal = (value: unknown) =>
      typeof value === "string" ? `'${value.replaceAll("'", "''")}'` : value === null ? "NULL" : String(value);
    this.asked.push(query.replace(/\?|\$(\d+)/g, (_, place) => literal(parameters[place ? Number(place) - 1 : n++])));
  }
}
