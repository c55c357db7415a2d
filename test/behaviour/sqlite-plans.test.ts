/** Query plans on SQLite, which has no statistics of a run's file. */
import { readEvents } from "run-blackboard";
import { expect, test } from "vitest";
import { cases, fill, filledClaims, fillUnready, listCases, Questions } from "./plans.ts";
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

test.each(["without", "with"])(
  "waits use the key, or the index of their most selective field, %s statistics",
  async (kind) => {
    const { board, plansOf, place } = await large();
    if (kind === "with") await place.sql("ANALYZE");
    const reopened = kind === "with" ? await place.open({ runId: "run-1" }) : board;
    expect(reopened.runId).toBe("run-1");
    for (const [filter, index] of [
      [{ parentBriefId: "b2" }, "briefs_by_parent"],
      [{ parentBriefId: "b2", role: "role 2", tier: 2, workstreamId: null }, "briefs_by_parent"],
      [{ workstreamId: "w2", parentBriefId: null, tier: 2 }, "briefs_by_workstream"],
      [{ role: "role 2", tier: 2 }, "briefs_by_role"],
      // With statistics SQLite expects 25 values of any list, and may prefer a scan.
      ...(kind === "without" ? [[{ role: ["role 2", "role 4"], parentBriefId: null }, "briefs_by_role"] as const] : []),
      [{ tier: 2 }, "briefs_by_tier"],
      [{ parentBriefId: null, workstreamId: null }, "briefs_by_parent"],
      [{ workstreamId: null }, "briefs_by_workstream"],
      [{ briefIds: ["b2", "b4"], tier: 2 }, "sqlite_autoindex_briefs_1"],
    ] as const) {
      const abort = new AbortController();
      const lines = await plansOf(async () => {
        const waiting = board.waitForBriefs(filter, { signal: abort.signal });
        // The same look answers this one.
        await board.waitForBriefs({ briefIds: ["b6"] });
        abort.abort();
        await Promise.allSettled([waiting]);
      });
      const reading = lines.filter((line) => /briefs/.test(line) && !line.includes("sqlite_autoindex_briefs_1"));
      const expected =
        index === "sqlite_autoindex_briefs_1" ? [] : [expect.stringContaining(`SEARCH briefs USING INDEX ${index}`)];
      expect(reading, JSON.stringify(filter)).toEqual(expected);
    }
  },
);

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

test("an idle claim reads no brief that waits, is before its time or is in a blocked workstream, however many there are", async () => {
  const place = await sqliteFile.place();
  const questions = new Questions();
  const board = await place.open({ runId: "run-1", logger: questions });
  await board.createRun("a goal");
  await fillUnready(place, 1500);
  const claim = () => board.claimBrief({ agentId: "idle", leaseMs: 1000 });
  expect(await claim()).toBeUndefined();
  questions.asked.length = 0;
  expect(await claim()).toBeUndefined();
  // One query, which takes no lock.
  expect(questions.asked).toHaveLength(1);
  const lines = (await place.sql(`EXPLAIN QUERY PLAN ${questions.asked[0]}`)).map(({ detail }) => String(detail));
  const ranges = lines.filter((line) => line.includes("SEARCH briefs"));
  expect(ranges).toEqual([
    expect.stringContaining("briefs_leased (run_id=? AND lease_expires_at<?)"),
    expect.stringContaining("briefs_delayed (run_id=? AND not_before<?)"),
    expect.stringContaining("briefs_ready (run_id=?)"),
  ]);
  expect(lines.filter((line) => /SCAN |B-TREE/.test(line))).toEqual([]);
  // And these ranges hold nothing.
  const now = new Date().toISOString();
  const [counted] = await place.sql(`SELECT
    (SELECT count(*) FROM briefs WHERE run_id = 'run-1' AND lease_expires_at <= '${now}') AS leased,
    (SELECT count(*) FROM briefs WHERE run_id = 'run-1' AND not_before <= '${now}' AND parked = 1) AS due,
    (SELECT count(*) FROM briefs WHERE run_id = 'run-1' AND status = 'pending' AND waits_for = 0 AND parked = 0) AS ready`);
  expect(counted).toEqual({ leased: 0, due: 0, ready: 0 });
});
