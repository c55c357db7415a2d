/** Views of older files: migrated in a copy, of any size, with the indexes that their queries use and no others. */
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import {
  explainFailures,
  groupFailures,
  openBlackboard,
  reportRun,
  summarizeRun,
  viewBlackboard,
} from "run-blackboard";
import { expect, test } from "vitest";
import type { BlackboardOperations } from "../../src/blackboard.ts";
import { migrations } from "../../src/sqlite/migrations/embedded.sqlite.ts";
import { execute, migrateTo, traceOf, written } from "./files.ts";

/** Everything that a board shows of a run. */
function shown(board: BlackboardOperations<"sync">) {
  const { items: briefs } = board.listBriefs({ limit: 1000 });
  return {
    overview: { ...summarizeRun(board), throughput: null },
    briefs,
    failed: board.listBriefs({ status: "failed" }),
    coders: board.listBriefs({ role: "coder" }),
    children: briefs.map(({ briefId }) => board.listBriefs({ parentBriefId: briefId }).items.length),
    events: board.listEvents({ limit: 1000 }),
    kinds: board.listEvents({ kinds: ["failed"] }),
    ofBriefs: briefs.map(({ briefId }) => board.listEvents({ briefId })),
    tree: board.getBriefTree(),
    failures: groupFailures(board),
    reasons: explainFailures(
      board,
      briefs.map(({ briefId }) => briefId),
    ),
  };
}

const copies = () => readdirSync(tmpdir()).filter((name) => name.startsWith(`run-blackboard-copy-${process.pid}@`));

test.each([
  ["small", 0, []],
  ["small, with a part of the migrations", 0, migrations.slice(0, 2)],
  ["larger than what is copied to memory", 70, []],
])("an older file that is %s is shown like the migrated one, and left as it is", (_, megabytes, applied) => {
  const file = written("webhook");
  if (applied.length > 0) migrateTo(file, applied);
  const text = `'{"text":"' || hex(zeroblob(500000)) || '"}'`;
  execute(
    file,
    `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${megabytes})
     INSERT INTO briefs (brief_id, run_id, tier, role, status, payload, created_at, updated_at)
     SELECT 'large/' || n, run_id, 1, 'coder', 'failed', ${text}, created_at, created_at FROM runs, numbers WHERE ${megabytes} > 0`,
  );
  const before = traceOf(file);
  const view = viewBlackboard({ file });
  const found = shown(view.board);
  const page = reportRun(view.board);
  view.close();
  expect(traceOf(file)).toEqual(before);
  expect(copies()).toEqual([]);
  using board = openBlackboard({ runId: "webhook", file });
  expect(found).toEqual(shown(board));
  expect(page.length).toBe(reportRun(board).length);
});
