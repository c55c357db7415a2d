/** Query plans on SQLite, which has no statistics of a run's file. */
import { readEvents } from "run-blackboard";
import { expect, test } from "vitest";
import { cases, fill, filledClaims, listCases, Questions } from "./plans.ts";
import { sqliteFile } from "./sqlite.ts";

async function large() {
  const place = await sqliteFile.place();
  const questions = new Questions();
  const board = await place.open({ runId: "run-1", logger: questions });
  await board.createRun("a goal");
  await fill(place);
  /** The plan lines of the queries that `call` runs. */
  const plansOf = async (call: () => unknown) => {
    questions.asked.length = 0;
    await call();
    const plans = questions.asked.map((text) => place.sql(`EXPLAIN QUERY PLAN ${text}`));
    return (await Promise.all(plans)).flat().map(({ detail }) => String(detail));
  };
  return { board, place, plansOf };
}

const tables = /briefs|events|workstreams/;

test("lists and claims use one index each, sort nothing and scan no table", async () => {
  const { board, plansOf } = await large();
  for (const [name, indexes, call] of cases) {
    const lines = (await plansOf(() => call(board))).filter((line) => tables.test(line) || /B-TREE/.test(line));
    const used = lines.map((line) =>
      line
        .replace(/^SEARCH \w+ USING (?:COVERING )?INDEX (\w+) .*/, "$1")
        .replace(/^.*INTEGER PRIMARY KEY.*/, "events_by_seq"),
    );
    expect(
      [...new Set(used)].filter((index) => !/^sqlite_autoindex_(briefs|workstreams)_1$/.test(index)),
      name,
    ).toEqual(indexes);
  }
});

test.each(["without statistics", "with statistics"])("operations on lists find briefs by key, %s", async (kind) => {
  const { board, place, plansOf } = await large();
  if (kind === "with statistics") await place.sql("ANALYZE");
  for (const [name, call] of listCases) {
    const lines = (await plansOf(() => call(board, filledClaims))).filter((line) => /briefs/.test(line));
    expect(lines.length, name).toBeGreaterThan(0);
    for (const line of lines) expect(line, name).toMatch(/^SEARCH briefs USING .*INDEX sqlite_autoindex_briefs_1/);
  }
});

test("pages bounded by bytes use the index of their list and sort at most one page", async () => {
  const { board, plansOf } = await large();
  for (const [filter, index] of [
    [{ after: 3000 }, "INTEGER PRIMARY KEY"],
    [{ kinds: ["escalated"] }, "events_by_kind"],
    [{ kinds: ["escalated"], after: 3000 }, "events_by_kind"],
    [{ kinds: ["escalated", "completed"] }, "INTEGER PRIMARY KEY"],
    [{ briefId: "b7" }, "events_by_brief"],
    [{ briefId: "b7", kinds: ["completed"] }, "events_by_brief"],
  ] as const) {
    const lines = await plansOf(() => readEvents(board, filter).next());
    const reading = lines.filter((line) => tables.test(line));
    expect(reading.length).toBeGreaterThan(2);
    for (const line of reading) expect(line, JSON.stringify(filter)).toMatch(new RegExp(`^SEARCH events .*${index}`));
    // The sort of the rows that reach the limit, of which the first one is selected.
    expect(lines.filter((line) => /B-TREE/.test(line))).toHaveLength(1);
  }
});

test("getRunSummary counts nothing: it reads the run, its tallies and the newest event", async () => {
  const { board, plansOf } = await large();
  expect(await plansOf(() => board.getRunSummary())).toEqual([
    expect.stringMatching(/^SEARCH runs USING INDEX/),
    expect.stringMatching(/^SEARCH tallies USING INDEX/),
    expect.stringMatching(/^SCALAR SUBQUERY/),
    // In descending seq order, up to the first match.
    "SCAN events",
  ]);
});

test("every index is used by at least one of these queries", async () => {
  const place = await sqliteFile.place();
  await place.open({ runId: "run-1" });
  const made = await place.sql("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL");
  const names = made.map(({ name }) => name).filter((name) => !/unique|__drizzle/.test(String(name)));
  // A trigger on workstreams uses the one, a repeated creation the other.
  const others = ["briefs_blocked", "dependencies_of_brief"];
  expect(names.sort()).toEqual(
    [...new Set([...cases.flatMap(([, indexes]) => indexes), ...others])]
      .filter((name) => name !== "events_by_seq")
      .sort(),
  );
});
