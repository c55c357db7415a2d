/** The command shows every column of a brief. */
import { join } from "node:path";
import { getTableColumns } from "drizzle-orm";
import { openBlackboard } from "run-blackboard";
import { briefs } from "run-blackboard/schema";
import { expect, test } from "vitest";
import { connectTo } from "../behaviour/sqlite.ts";
import { temporaryFolder } from "../processes/folder.ts";
import { printed } from "./command.ts";

/** A different value for each column, and how the command prints it. A run is named by the user; claims alone use `parked`. */
function sampleOf(column: { name: string; dataType: string; enumValues: unknown }, n: number): [unknown, string] {
  if (column.enumValues) return ["failed", "failed"];
  if (column.dataType.endsWith("json")) return [`{"${column.name}":${n}}`, `"${column.name}": ${n}`];
  if (column.dataType.startsWith("number")) return [700 + n, String(700 + n)];
  if (column.name.endsWith("_at")) return [`2026-01-01T00:00:00.${100 + n}Z`, `2026-01-01T00:00:00.${100 + n}Z`];
  return [`the ${column.name}`, `the ${column.name}`];
}

test("brief shows every column", () => {
  const file = join(temporaryFolder(), "blackboard.db");
  using board = openBlackboard({ runId: "r", file });
  board.createRun("a goal");
  board.createBrief({ briefId: "b", tier: 1, role: "coder" });
  const columns = Object.values(getTableColumns(briefs)).filter(({ name }) => !["run_id", "parked"].includes(name));
  const shown = columns.map((column, n) => {
    const [stored, text] = sampleOf(column, n);
    connectTo(file).prepare(`UPDATE briefs SET ${column.name} = ?`).run(stored);
    return { column: column.name, text };
  });
  const output = printed("brief", file, "the brief_id", "--wide");
  expect(shown.filter(({ text }) => !output.includes(text))).toEqual([]);
});
