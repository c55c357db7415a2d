/** Dependencies and the order of claims move with a run, and exports of before there were any still arrive. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { type BriefStatus, briefStatuses, copyRun, exportRun, importRun } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { connectTo, open } from "../behaviour/sqlite.ts";
import { temporaryFolder } from "../processes/folder.ts";
import { type Board, pairs, type Site, sites, textOf, wholeRun } from "./places.ts";

const request = { agentId: "agent-1", leaseMs: 60_000 };

const linksOf = (site: Site, runId: string) =>
  site.sql(runId, `SELECT brief_id, blocker_id FROM dependencies WHERE run_id = '${runId}' ORDER BY 1, 2`);
const parkedIn = (site: Site, runId: string) =>
  site.sql(runId, `SELECT brief_id, parked FROM briefs WHERE run_id = '${runId}' AND parked <> 0 ORDER BY 1`);

/** Ids sort against the order of the dependencies: a brief is moved before those that it comes after. */
async function fillGraph(site: Site, runId: string): Promise<Board> {
  const board = await site.open(runId);
  await board.createRun("a goal");
  await board.createWorkstream({ workstreamId: "w", name: "name", tier: 1 });
  const brief = { tier: 1, role: "coder" };
  await board.createBrief({ ...brief, briefId: "z/plan", priority: -3 });
  await board.createBrief({ ...brief, briefId: "y/done" });
  await board.updateBriefStatus("y/done", "done");
  await board.createBrief({ ...brief, briefId: "x/lost" });
  await board.createBrief({ ...brief, briefId: "write", after: ["z/plan", "y/done"], priority: 7 });
  await board.createBrief({ ...brief, briefId: "after/lost", after: ["x/lost", "write"] });
  await board.createBrief({ ...brief, briefId: "delayed", notBefore: new Date("2999-01-01T00:00:00Z") });
  await board.createBrief({ ...brief, briefId: "blocked", workstreamId: "w", role: "tester" });
  const many = Array.from({ length: 300 }, (_, n) => `many/${n}`);
  for (const briefId of many) await board.createBrief({ ...brief, briefId, role: "other" });
  await board.createBrief({ ...brief, briefId: "join", role: "other", after: many });
  await site.sql(runId, "UPDATE briefs SET status = 'done' WHERE brief_id IN ('many/3', 'many/99')");
  await site.sql(runId, "DELETE FROM briefs WHERE brief_id = 'x/lost'");
  // Claimed with progress, and then parked by a claim that finds its workstream blocked.
  const claim = await board.claimBrief({ ...request, role: "tester" });
  if (!claim) throw new Error("nothing was claimed");
  const progress = { files: ["a.ts"], next: 3 };
  await board.releaseClaim(await board.renewClaim(claim, { leaseMs: 60_000, progress }));
  await board.updateWorkstreamStatus("w", "blocked");
  expect(await board.claimBrief({ ...request, role: "tester" })).toBeUndefined();
  const active = await board.claimBrief(request);
  expect(active?.brief.briefId).toBe("many/0");
  return board;
}

describe.each(pairs)("from $from to $to", ({ source, target }) => {
  test("dependencies, priority, notBefore, progress and claimedAt arrive equal, and claims continue", async () => {
    const [here, there] = [await source(), await target()];
    const original = await wholeRun(await fillGraph(here, "graph"));
    expect(original.briefs.find(({ briefId }) => briefId === "blocked")?.progress).toEqual({
      files: ["a.ts"],
      next: 3,
    });
    const links = await linksOf(here, "graph");
    expect(links).toHaveLength(304);
    expect(await parkedIn(here, "graph")).toHaveLength(2);
    expect(await importRun(exportRun(here.run("graph")), there.anywhere)).toMatchObject({ briefs: 307 });
    const board = await there.open("graph");
    expect(await wholeRun(board)).toEqual(original);
    expect(await linksOf(there, "graph")).toEqual(links);
    // What the workstream holds back is parked again by the first claim.
    expect(await parkedIn(there, "graph")).toEqual([{ brief_id: "delayed", parked: 1 }]);
    expect(await board.claimBrief({ ...request, role: "tester" })).toBeUndefined();

    const waits = async (id: string) => (await board.getBrief(id))?.waitsFor;
    expect([await waits("write"), await waits("after/lost"), await waits("join")]).toEqual([1, 2, 298]);
    await board.completeBrief("z/plan", {});
    await board.completeBrief("write", {});
    await board.updateBriefStatus("z/plan", "pending");
    expect([await waits("write"), await waits("after/lost")]).toEqual([1, 1]);
  });

  test("any number of dependencies arrives, of one brief and of several", async () => {
    const [here, there] = [await source(), await target()];
    const board = await here.open("wide");
    await board.createRun("a goal");
    for (const [index, briefId] of ["a", "b", "c", "d", "e"].entries()) {
      await board.createBrief({ briefId, tier: 1, role: "coder" });
      const most = briefId === "c" ? 10_000 : 3000 + index;
      await here.sql(
        "wide",
        `WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < ${most})
         INSERT INTO dependencies (run_id, brief_id, blocker_id) SELECT 'wide', '${briefId}', 'missing/' || n FROM counted`,
      );
    }
    await copyRun(here.run("wide"), there.run("copy"));
    const { items } = await (await there.open("copy")).listBriefs();
    expect(items.map(({ waitsFor }) => waitsFor)).toEqual([3000, 3001, 10_000, 3003, 3004]);
    const renamed = (await linksOf(here, "wide")).length;
    expect(await linksOf(there, "copy")).toHaveLength(renamed);
  });

  test("a run of another program, with any statuses and dependencies, is counted correctly", async () => {
    const [here, there] = [await source(), await target()];
    const ids = ["a", "b", "c", "d"];
    const id = fc.constantFrom(...ids, "missing");
    let number = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...briefStatuses), { minLength: ids.length, maxLength: ids.length }),
        fc.uniqueArray(fc.tuple(id, id), { maxLength: 12, selector: String }),
        async (statuses: BriefStatus[], links) => {
          const runId = `run-${++number}`;
          const board = await here.open(runId);
          await board.createRun("a goal");
          for (const [index, briefId] of ids.entries()) {
            await board.createBrief({ briefId: `${runId}.${briefId}`, tier: 1, role: "coder" });
            await board.updateBriefStatus(`${runId}.${briefId}`, statuses[index] ?? "pending");
          }
          for (const [briefId, blockerId] of links) {
            await here.sql(
              runId,
              `INSERT INTO dependencies (run_id, brief_id, blocker_id) VALUES ('${runId}', '${runId}.${briefId}', '${runId}.${blockerId}')`,
            );
          }
          const { briefs } = await wholeRun(board);
          await copyRun(here.run(runId), there.run(`${runId}-copy`));
          const copied = await there.open(`${runId}-copy`);
          expect((await wholeRun(copied)).briefs).toEqual(
            briefs.map((brief) => ({ ...brief, runId: `${runId}-copy` })),
          );
          const present = (await linksOf(here, runId)).filter((row) => row.brief_id !== `${runId}.missing`);
          expect(await linksOf(there, `${runId}-copy`)).toEqual(present);
        },
      ),
      { numRuns: 20 },
    );
  });
});

describe.each(sites)("the export of a run in %s", (_, site) => {
  test("names what a brief comes after, sorted, and no derived column", async () => {
    const here = await site();
    await fillGraph(here, "graph");
    const rows = (await textOf(here.run("graph")))
      .trimEnd()
      .split("\n")
      .flatMap((line) => JSON.parse(line).brief ?? []);
    const after = Object.fromEntries(rows.map((row) => [row.briefId, row.after]));
    expect(after).toMatchObject({ write: ["y/done", "z/plan"], "after/lost": ["write", "x/lost"], delayed: [] });
    expect(after.join).toEqual(Array.from({ length: 300 }, (_, n) => `many/${n}`).sort());
    const names = rows.flatMap((row) => Object.keys(row));
    expect(names).toContain("notBefore");
    expect(names.filter((name) => name === "waitsFor" || name === "parked")).toEqual([]);
  });
});

describe.each(sites)("an import into %s", (_, site) => {
  test("reads the export of a build before format version 2, whose briefs wait for nothing", async () => {
    const there = await site();
    const text = readFileSync(fileURLToPath(new URL("../fixtures/exports/version-1.jsonl", import.meta.url)), "utf8");
    expect(await importRun([text], there.anywhere)).toMatchObject({ workstreams: 2, briefs: 4, events: 6 });
    const board = await there.open("webhooks");
    const exported = text
      .trimEnd()
      .split("\n")
      .flatMap((line) => JSON.parse(line).brief ?? []);
    const added = { claimedAt: null, priority: 0, notBefore: null, waitsFor: 0, progress: null };
    expect((await wholeRun(board)).briefs).toEqual(exported.map((brief) => ({ ...brief, ...added })));
    expect((await board.claimBrief(request))?.brief).toMatchObject({ briefId: "write/0", attempt: 2, retryCount: 1 });
    expect(await board.claimBrief(request)).toBeUndefined();
    await board.updateWorkstreamStatus("docs", "active");
    expect((await board.claimBrief(request))?.brief.briefId).toBe("write/1");
  });

  test("counts an id that after repeats once", async () => {
    const [here, there] = [await site(), await site()];
    const board = await here.open("r");
    await board.createRun("a goal");
    for (const briefId of ["b", "c"]) await board.createBrief({ briefId, tier: 1, role: "coder" });
    await board.createBrief({ briefId: "a", tier: 1, role: "coder", after: ["b", "c"] });
    const text = (await textOf(here.run("r"))).replace('"after":["b","c"]', '"after":["c","b","c"]');
    await importRun([text], there.anywhere);
    expect((await (await there.open("r")).getBrief("a"))?.waitsFor).toBe(2);
    expect(await linksOf(there, "r")).toHaveLength(2);
  });
});

test("a run arrives in a file with other runs with its dependencies", async () => {
  const file = `${temporaryFolder()}/shared.db`;
  open({ runId: "other", file }).createRun("a goal");
  const source = open({ runId: "graph", root: temporaryFolder() });
  source.createRun("a goal");
  for (const briefId of ["z", "y"]) source.createBrief({ briefId, tier: 1, role: "coder" });
  source.createBrief({ briefId: "a", tier: 1, role: "coder", after: ["z", "y"] });
  source.updateBriefStatus("y", "done");
  await copyRun({ file: source.location }, { file, runId: "renamed" });
  expect(open({ runId: "renamed", file }).getBrief("a")?.waitsFor).toBe(1);
  expect(connectTo(file).prepare("SELECT * FROM dependencies ORDER BY blocker_id").all()).toEqual([
    { run_id: "renamed", brief_id: "a", blocker_id: "y" },
    { run_id: "renamed", brief_id: "a", blocker_id: "z" },
  ]);
});
