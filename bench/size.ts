/**
 * Compares the cost of a call in a large run (100,000 briefs, a million events) with that in a small one (a thousand each), before and
 * after an ANALYZE of both. Rare values have 20 rows in both.
 */
import { compare, type Effort, type Figures } from "./measure.ts";
import { type Board, runId, Sites } from "./sites.ts";
import { calling } from "./subject.ts";

const small = { briefs: 1000, events: 1000 };
const large = { briefs: 100_000, events: 1_000_000 };

/** Fills a run with plain SQL, in seconds instead of minutes; the stored rows are the same. */
export function fill(board: Board, { briefs, events }: { briefs: number; events: number }): void {
  const db = board.drizzle.$client;
  const numbers = (count: number) =>
    `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${count})`;
  const id = (n: string) => `printf('01938000-0000-7000-8000-%012d', ${n})`;
  const time = "strftime('%Y-%m-%dT%H:%M:%fZ', 1760000000 + n / 10.0, 'unixepoch')";
  const rare = (count: number) => `n % ${count / 20} = ${count / 40}`;
  db.exec(`${numbers(briefs)}
    INSERT INTO briefs (brief_id, run_id, parent_brief_id, workstream_id, tier, role, status, payload, created_at, updated_at)
    SELECT ${id("n")}, '${runId}', iif(${rare(briefs)}, ${id("1")}, ${id("2")}), iif(${rare(briefs)}, 'rare', 'part'),
      iif(${rare(briefs)}, 7, 1), iif(${rare(briefs)}, 'rare', 'coder'),
      iif(${rare(briefs)}, 'failed', iif(n % 2, 'done', 'pending')), '{"task":"' || hex(randomblob(100)) || '"}', ${time}, ${time}
    FROM numbers`);
  db.exec(`${numbers(events)}
    INSERT INTO events (event_id, run_id, brief_id, kind, detail, created_at)
    SELECT ${id("n")}, '${runId}', ${id(`1 + n % ${briefs}`)}, iif(${rare(events)}, 'escalated', iif(n % 2, 'spawned', 'completed')),
      '{"note":"' || hex(randomblob(40)) || '"}', ${time}
    FROM numbers`);
}

const calls: Record<string, (board: Board, size: { events: number }) => unknown> = {
  getRunSummary: (board) => board.getRunSummary(),
  "listBriefs of all": (board) => board.listBriefs(),
  "listBriefs by status": (board) => board.listBriefs({ status: "failed" }),
  "listBriefs by role": (board) => board.listBriefs({ role: "rare" }),
  "listBriefs by tier": (board) => board.listBriefs({ tier: 7 }),
  "listBriefs by workstream": (board) => board.listBriefs({ workstreamId: "rare" }),
  "listBriefs by parent": (board) => board.listBriefs({ parentBriefId: "01938000-0000-7000-8000-000000000001" }),
  "listBriefs without parent": (board) => board.listBriefs({ parentBriefId: null }),
  "listEvents from the middle": (board, { events }) => board.listEvents({ after: events / 2 }),
  "listEvents of a rare kind": (board) => board.listEvents({ kinds: ["escalated"] }),
  "listEvents of a brief": (board) => board.listEvents({ briefId: "01938000-0000-7000-8000-000000000500", limit: 1 }),
  "claimBrief and releaseClaim": (board) => {
    const claim = board.claimBrief({ agentId: "agent", leaseMs: 60_000, role: "coder" });
    return claim && board.releaseClaim(claim);
  },
  "claimBrief of a role that nobody has": (board) =>
    board.claimBrief({ agentId: "agent", leaseMs: 60_000, role: "nobody" }),
};

/** `ours` is the large run and `raw` the small one, so that their ratio is large ÷ small. */
export async function bySize(effort: Effort, only: string | undefined): Promise<Figures[]> {
  using sites = new Sites("normal");
  const boards = [small, large].map((size) => {
    const board = sites.board();
    fill(board, size);
    return board;
  });
  const [smallBoard, largeBoard] = boards;
  if (!smallBoard || !largeBoard) throw new Error("expected two boards");
  const figures: Figures[] = [];
  for (const statistics of ["", ", analysed"]) {
    if (statistics !== "") for (const board of boards) board.drizzle.$client.exec("ANALYZE");
    for (const [line, call] of Object.entries(calls)) {
      if (only && only !== "size" && !line.includes(only)) continue;
      const sides = { ours: calling(() => call(largeBoard, large)), raw: calling(() => call(smallBoard, small)) };
      figures.push({ line: line + statistics, level: "normal", ...(await compare(sides, effort)) });
    }
  }
  return figures;
}
