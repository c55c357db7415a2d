/** Creating an existing run, reading it, and its summary. */
import { briefStatuses, eventKinds, workstreamStatuses } from "run-blackboard";
import { now, runColumns } from "../raw.ts";
import { idOf, payload } from "../samples.ts";
import { type Board, runId } from "../sites.ts";
import { calling, reading, type Subject, writing } from "../subject.ts";

const goal = "Find out what it costs";

function smallRun(board: Board): void {
  for (let n = 0; n < 3; n++) board.createWorkstream({ workstreamId: idOf(n), name: `part ${n}`, tier: 1 });
  for (let n = 0; n < 20; n++) {
    board.createBrief({ briefId: idOf(n), tier: 1, role: "coder", payload });
    board.logEvent("spawned", { briefId: idOf(n) });
    if (n % 2 === 0) board.updateBriefStatus(idOf(n), "done");
  }
}

const tallies = `
  SELECT ${runColumns}, (SELECT seq FROM events WHERE run_id = @runId ORDER BY seq DESC LIMIT 1) AS lastSeq, subject, label, n
  FROM runs LEFT JOIN tallies USING (run_id) WHERE run_id = @runId`;

interface TallyRow {
  subject: "workstreams" | "briefs" | "events";
  label: string;
  n: number;
}

const zeros = (labels: readonly string[]): Record<string, number> =>
  Object.fromEntries(labels.map((label) => [label, 0]));

export const runs: Subject = {
  name: "runs",
  lines: [
    {
      name: "createRun, repeated",
      levels: writing,
      sides(sites) {
        const board = sites.board();
        const db = sites.raw();
        const insert = db.prepare(
          `INSERT INTO runs (run_id, goal, status, created_at, updated_at) VALUES (?, ?, 'pending', ?, ?)
           ON CONFLICT DO NOTHING RETURNING ${runColumns}`,
        );
        const find = db.prepare(`SELECT ${runColumns} FROM runs WHERE run_id = ?`);
        return {
          ours: calling(() => board.createRun(goal)),
          raw: calling(() => {
            const time = now();
            return insert.all(runId, goal, time, time)[0] ?? find.get(runId);
          }),
        };
      },
    },
    {
      name: "getRun",
      levels: reading,
      sides(sites) {
        const board = sites.board();
        const find = sites.raw().prepare(`SELECT ${runColumns} FROM runs WHERE run_id = ?`);
        return { ours: calling(() => board.getRun()), raw: calling(() => find.get(runId)) };
      },
    },
    {
      name: "getRunSummary, 20 briefs",
      levels: reading,
      sides(sites) {
        const board = sites.board(smallRun);
        const summarize = sites.raw(smallRun).prepare<[{ runId: string }], TallyRow>(tallies);
        return {
          ours: calling(() => board.getRunSummary()),
          raw: calling(() => {
            const rows = summarize.all({ runId });
            const counts = {
              workstreams: zeros(workstreamStatuses),
              briefs: zeros(briefStatuses),
              events: zeros(eventKinds),
            };
            for (const { subject, label, n } of rows) counts[subject][label] = n;
            const { subject, label, n, ...run } = rows[0] ?? {};
            return { ...run, ...counts };
          }),
        };
      },
    },
  ],
};
