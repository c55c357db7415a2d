/** Sources and destinations for runs in tests: a root of files, and a schema of a server. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type Blackboard, exportRun, type Mode, type RunLocation, type RunPlace } from "run-blackboard";
import { postgresRun } from "run-blackboard/postgres";
import { connectTo, open as openFile, rowsOf } from "../behaviour/sqlite.ts";
import { freshSchema, hasServer, open as openOnServer, type Row } from "../postgres/fresh.ts";
import { temporaryFolder } from "../processes/folder.ts";

export type Board = Blackboard<Mode>;

/** A place for many runs. */
export interface Site {
  run(runId: string): RunLocation | RunPlace;
  /** The location for a run that keeps its own id. */
  readonly anywhere: { root: string } | RunPlace;
  open(runId: string): Promise<Board>;
  /** Runs plain SQL, not through the package. */
  sql(runId: string, text: string): Promise<Row[]>;
  /** All contents, to check that nothing is left. */
  contents(): Promise<unknown>;
}

async function rootOfFiles(): Promise<Site> {
  const root = temporaryFolder();
  return {
    run: (runId) => ({ runId, root }),
    anywhere: { root },
    open: async (runId) => openFile({ runId, root, synchronous: "normal" }),
    sql: async (runId, text) => rowsOf(connectTo(join(root, runId, "blackboard.db")), text),
    contents: async () => readdirSync(root, { recursive: true }),
  };
}

async function schemaOfServer(): Promise<Site> {
  const schema = await freshSchema();
  // Creates the tables.
  await (await openOnServer(schema)).close();
  return {
    run: (runId) => postgresRun({ runId, connection: schema.url }),
    anywhere: postgresRun({ connection: schema.url }),
    open: (runId) => openOnServer(schema, { runId }),
    sql: (_, text) => schema.sql(text),
    contents: async () => {
      const tables = ["runs", "workstreams", "briefs", "dependencies", "events", "event_counters"];
      const rows = await Promise.all(tables.map((table) => schema.sql(`SELECT * FROM ${table}`)));
      return rows.flat();
    },
  };
}

export const sites: [name: string, make: () => Promise<Site>][] = [["files", rootOfFiles]];
if (hasServer) sites.push(["a server", schemaOfServer]);

/** Every pair of places. */
export const pairs = sites.flatMap(([from, source]) => sites.map(([to, target]) => ({ from, source, to, target })));

/** All rows of a run, as the blackboard reads them, ordered by id or number. */
export async function wholeRun(board: Board) {
  const workstreams = await all((after: string | undefined) => board.listWorkstreams({ limit: 1000, after }));
  const briefs = await all((after: string | undefined) => board.listBriefs({ limit: 1000, after }));
  const events = await all((after: number | undefined) => board.listEvents({ limit: 1000, after }));
  return { summary: await board.getRunSummary(), workstreams, briefs, events };
}

async function all<Item, Cursor>(
  page: (after: Cursor | undefined) => PageOf<Item, Cursor> | Promise<PageOf<Item, Cursor>>,
): Promise<Item[]> {
  const items: Item[] = [];
  for (let after: Cursor | undefined; ; ) {
    const { items: more, next } = await page(after);
    items.push(...more);
    if (next === null) return items;
    after = next;
  }
}
type PageOf<Item, Cursor> = { items: Item[]; next: Cursor | null };

/** The complete text of an export. */
export async function textOf(from: RunLocation | RunPlace): Promise<string> {
  let text = "";
  for await (const piece of exportRun(from)) text += piece;
  return text;
}

const many = 150;

/** A run with every kind of row and value. */
export async function fillOdd(site: Site, runId: string): Promise<Board> {
  const board = await site.open(runId);
  await board.createRun('Ünïcödé 🦉 \u2028 "quoted" \\ and\na second line');
  await board.createWorkstream({ workstreamId: "w/1", name: "näme", tier: 0, ownerAgentId: null });
  await board.createWorkstream({ workstreamId: "w/2", name: "other", tier: 3, ownerAgentId: "agent 🤖" });
  await board.updateWorkstreamStatus("w/2", "blocked");
  await board.createBrief({ briefId: "Z", tier: 0, role: "planner" });
  const payload = { "": null, "\u2028": "\u2029", list: [1.5, -0.25, [], {}, true], deep: { "a b": "😀" } };
  await board.createBrief({ briefId: "a", parentBriefId: "Z", workstreamId: "w/1", tier: 1, role: "coder", payload });
  await board.updateBriefResult("a", JSON.parse('{"__proto__":{"x":1},"constructor":"c","big":9007199254740991}'));
  await board.createBrief({ briefId: "ä", tier: 1, role: "coder", payload: { text: "€".repeat(2_000_000) } });
  for (let n = 0; n < many; n++)
    await board.createBrief({ briefId: `many/${n}`, tier: 2, role: "tester", retryCount: n });
  await board.logEvent("spawned");
  await board.logEvent("completed", { briefId: "a", detail: { seconds: 41 } });
  const reference = (brief: string, status: string, micros: string) =>
    site.sql(
      runId,
      `INSERT INTO briefs (brief_id, run_id, parent_brief_id, workstream_id, tier, role, status, payload, result,
       retry_count, created_at, updated_at) VALUES ('${brief}', '${runId}', 'no such parent', 'no such workstream', 1, 'r',
       '${status}', NULL, NULL, 2, '2026-01-02T03:04:05.${micros}+00:00', '2026-01-02T03:04:05+00:00')`,
    );
  await reference("orphan/1", "failed", "678901");
  await reference("orphan/2", "active", "678902");
  await site.sql(
    runId,
    `INSERT INTO events (event_id, run_id, brief_id, kind, detail, created_at)
     VALUES ('e-odd', '${runId}', 'nobody', 'escalated', NULL, '2026-01-02T03:04:05.678901+00:00')`,
  );
  // More than fit in one batch, and a gap in the numbers.
  for (let n = 0; n < many; n++)
    await board.logEvent("failed", { eventId: `e/${n}`, briefId: `many/${n}`, detail: { n } });
  await site.sql(runId, "DELETE FROM events WHERE event_id = 'e/7'");
  await board.updateRunStatus("review");
  return board;
}
