/**
 * Query plans on SQLite: the same whether a file has statistics or not. Another program may write them with ANALYZE or PRAGMA
 * optimize, perhaps when the run was small, or for a run whose log has a rare kind.
 */
import { readEvents } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { cases, fill, filledClaims, fillUnready, listCases, Questions } from "./plans.ts";
import { sqliteFile } from "./sqlite.ts";

type Statistics = { [when in "whileSmall" | "afterwards"]?: string[] };
/** 300,000 events of one run, few of one of their two kinds, so that SQLite would rather walk the log than use the kind's index. */
const skewed = [
  "DELETE FROM events WHERE run_id = 'run-2'",
  `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 300000)
     INSERT INTO events (event_id, run_id, kind, created_at) SELECT 'more ' || n, 'run-1', 'completed', '' FROM numbers`,
];
async function large({ whileSmall = [], afterwards = [] }: Statistics = {}) {
  const place = await sqliteFile.place();
  const questions = new Questions();
  const board = await place.open({ runId: "run-1", logger: questions });
  await board.createRun("a goal");
  if (whileSmall.length > 0) {
    await board.createWorkstream({ workstreamId: "small", name: "api", tier: 0 });
    await board.spawnBrief({ briefId: "first", workstreamId: "small", tier: 0, role: "coder" });
    for (const briefId of ["second", "third", "fourth", "fifth"]) {
      await board.spawnBrief({ briefId, tier: 0, role: "coder", after: ["first"] });
    }
    await board.logEvent("failed");
  }
  for (const text of whileSmall) await place.sql(text);
  await fill(place);
  for (const text of afterwards) await place.sql(text);
  /** The plan lines of a query, on the connection that has read the statistics. */
  const planOf = async (text: string) => {
    const lines = await place.sql(`EXPLAIN QUERY PLAN ${text}`);
    return lines.map(({ detail }) => String(detail));
  };
  /** The plan lines of the queries that `call` runs. */
  const plansOf = async (call: () => unknown) => {
    questions.asked.length = 0;
    await call();
    return (await Promise.all(questions.asked.map(planOf))).flat();
  };
  return { board, place, planOf, plansOf };
}

const tables = /briefs|events|workstreams/;

describe.each<[string, Statistics]>([
  ["without statistics", {}],
  ["after ANALYZE", { afterwards: ["ANALYZE"] }],
  ["after PRAGMA optimize", { afterwards: ["PRAGMA analysis_limit = 400", "PRAGMA optimize = 0x10002"] }],
  ["after ANALYZE of a log with a rare kind, without samples", { afterwards: [...skewed, "ANALYZE"] }],
  ["with statistics of a small run", { whileSmall: ["ANALYZE"] }],
  [
    "with statistics of a small run without dependencies",
    { whileSmall: ["DELETE FROM dependencies", "DELETE FROM briefs WHERE brief_id > 'fz'", "ANALYZE"] },
  ],
  ["with statistics of an empty run", { whileSmall: ["DELETE FROM events", "DELETE FROM briefs", "ANALYZE"] }],
])("%s", (_, statistics) => {
  test("lists and claims use one index each, sort nothing and scan no table", async () => {
    const { board, plansOf } = await large(statistics);
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

  test("operations on lists find briefs by key", async () => {
    const { board, plansOf } = await large(statistics);
    for (const [name, call] of listCases) {
      const lines = (await plansOf(() => call(board, filledClaims))).filter((line) => /briefs/.test(line));
      expect(lines.length, name).toBeGreaterThan(0);
      for (const line of lines) expect(line, name).toMatch(/^SEARCH briefs USING .*INDEX sqlite_autoindex_briefs_1/);
    }
  });

  test("pages bounded by bytes use the index of their list and sort at most one page", async () => {
    const { board, plansOf } = await large(statistics);
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

  test("waits use the key, or the index of the parent", async () => {
    const { board, plansOf } = await large(statistics);
    for (const [filter, index] of [
      [{ parentBriefId: "b2" }, "briefs_by_parent"],
      [{ parentBriefId: "b2", role: "role 2", tier: 2, workstreamId: null }, "briefs_by_parent"],
      [{ parentBriefId: null, workstreamId: null }, "briefs_by_parent"],
      [{ role: "role 2", tier: 2 }, "briefs_by_age"],
      [{ role: ["role 2", "role 4"], workstreamId: "w2" }, "briefs_by_age"],
      [{ workstreamId: null }, "briefs_by_age"],
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
  });

  test("getRunSummary counts nothing: it reads the run, its tallies and the newest event", async () => {
    const { board, plansOf } = await large(statistics);
    expect(await plansOf(() => board.getRunSummary())).toEqual([
      expect.stringMatching(/^SEARCH runs USING INDEX/),
      expect.stringMatching(/^SEARCH tallies USING INDEX/),
      expect.stringMatching(/^SCALAR SUBQUERY/),
      // In descending seq order, up to the first match.
      "SCAN events",
    ]);
  });

  test("triggers scan no table", async () => {
    const { place, planOf } = await large(statistics);
    const triggers = await place.sql("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'");
    expect(triggers.length).toBeGreaterThan(10);
    for (const { name, sql } of triggers) {
      const [, when = "true", body = ""] = /(?:WHEN (.*?))? BEGIN(.*)END$/s.exec(String(sql)) ?? [];
      const statements = [`SELECT 1 WHERE ${when}`, ...body.split(";").filter((text) => text.trim())];
      for (const text of statements) {
        const lines = await planOf(text.replace(/\b(?:NEW|OLD)\.\w+/g, "'x'"));
        expect(
          lines.filter((line) => /^SCAN (?!CONSTANT|dependency$)/.test(line)),
          `${name}: ${text}`,
        ).toEqual([]);
      }
    }
  });
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
