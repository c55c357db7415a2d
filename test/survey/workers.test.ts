/** Several processes on one survey: stopped, killed, replaced and continued by others. */
import { readdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { openBlackboard } from "run-blackboard";
import { describe, expect, it } from "vitest";
import { maxRetries } from "../../examples/survey/work.ts";
import { temporaryFolder } from "../processes/folder.ts";
import type { Running } from "../processes/spawn.ts";
import {
  ended,
  files,
  openSurvey,
  planHere,
  query,
  reasons,
  send,
  starting,
  survey,
  workHere,
  write,
} from "./survey.ts";

/** A folder with three files, and a sparse one that takes hours to read, so that a worker is always reading it. */
function folderWithEndless(): { folder: string; endless: string } {
  const folder = write(temporaryFolder(), {
    "a/one.ts": "1\n",
    "a/two.ts": "2\n",
    "b/three.ts": "3\n",
    "c/endless.txt": "a".repeat(8000),
  });
  const endless = join(folder, "c/endless.txt");
  truncateSync(endless, 2 ** 43);
  return { folder, endless };
}

/** Waits until a worker reads the endless file and the other files are done; returns the run and the worker's pid. */
async function untilAtEndless({ until }: Running, cwd: string): Promise<{ runId: string; worker: number }> {
  const runId = await until((lines) => lines[1]?.match(/^Run (\S+) surveys /)?.[1]);
  using board = openSurvey(cwd, runId);
  const state = () => {
    const { items } = board.listBriefs({ role: "file", status: ["active", "done"] });
    return items.map(({ status }) => status).sort();
  };
  await expect.poll(state, { timeout: 60_000 }).toEqual(["active", "done", "done", "done"]);
  const agent = board.getBrief("file/c/endless.txt")?.claimedBy;
  return { runId, worker: Number(agent?.split("/").at(-1)) };
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const statuses = "SELECT status, count(*) AS n, sum(retry_count) AS retries FROM briefs GROUP BY status ORDER BY 1";
const completedTwice = "SELECT brief_id FROM events WHERE kind = 'completed' GROUP BY 1 HAVING count(*) > 1";

describe("a survey that was stopped", () => {
  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)(
    "by %s leaves a valid file without a claim and prints how to continue; the rest is then done once",
    async (signal, code) => {
      const cwd = temporaryFolder();
      const { folder, endless } = folderWithEndless();
      const running = starting(cwd, folder, "--workers", "2");
      const { runId, worker } = await untilAtEndless(running, cwd);
      send(signal, running);
      expect(await running.ended).toEqual({ code, signal: null, stderr: "" });
      expect(running.lines.at(-1)).toBe(`Stopped. To go on: npm start -- --run ${runId}`);
      expect(isRunning(worker)).toBe(false);

      const runFolder = join(cwd, "runs", runId);
      const file = join(runFolder, "blackboard.db");
      expect(readdirSync(runFolder)).toEqual(["blackboard.db"]);
      expect(query(file, "PRAGMA integrity_check")).toEqual([{ integrity_check: "ok" }]);
      expect(query(file, statuses)).toEqual([
        { status: "done", n: 3, retries: 0 },
        { status: "pending", n: 5, retries: 0 },
      ]);

      writeFileSync(endless, "short\n");
      await workHere(cwd, runId, folder);
      expect(query(file, statuses)).toEqual([{ status: "done", n: 8, retries: 0 }]);
      expect(query(file, completedTwice)).toEqual([]);
    },
  );

  it("by the death of only the parent leaves no worker and no claim", async () => {
    const cwd = temporaryFolder();
    const running = starting(cwd, folderWithEndless().folder, "--workers", "1");
    const { runId, worker } = await untilAtEndless(running, cwd);
    running.kill();
    await expect.poll(() => isRunning(worker), { timeout: 60_000 }).toBe(false);
    expect(query(join(cwd, "runs", runId, "blackboard.db"), statuses)).toEqual([
      { status: "done", n: 3, retries: 0 },
      { status: "pending", n: 5, retries: 0 },
    ]);
  });

  it("by the death of all its processes continues with --run: claimed briefs are taken over when their lease expires", async () => {
    const cwd = temporaryFolder();
    const { folder, endless } = folderWithEndless();
    const running = starting(cwd, folder, "--workers", "1");
    const { runId, worker } = await untilAtEndless(running, cwd);
    process.kill(worker, "SIGSTOP");
    running.kill();
    process.kill(worker, "SIGKILL");
    expect(await running.ended).toMatchObject({ signal: "SIGKILL" });

    writeFileSync(endless, "short\n");
    const { code, file, lines } = await survey(cwd, "--run", runId, "--workers", "1");
    expect(code).toBe(0);
    expect(lines).toContain("  handed on    1");
    expect(query(file, statuses)).toEqual([{ status: "done", n: 8, retries: 1 }]);
    expect(query(file, completedTwice)).toEqual([]);
    const [handedOn] = query<{ detail: string }>(file, "SELECT detail FROM events WHERE kind = 'retried'");
    expect(JSON.parse(handedOn?.detail ?? "")).toEqual({
      reason: "lease expired",
      previousAgent: expect.stringMatching(`/${worker}$`),
      attempt: 1,
    });
  });

  it("is planned and processed by two parents concurrently without duplicates", async () => {
    const cwd = temporaryFolder();
    const names = Array.from({ length: 300 }, (_, index) => `folder${index % 3}/file${index}.ts`);
    const folder = write(temporaryFolder(), Object.fromEntries(names.map((name) => [name, "a\n"])));
    // Neither has planned it yet.
    const both = [1, 2].map(() => survey(cwd, folder, "--run", "shared", "--workers", "1"));
    const [one, other] = await Promise.all(both);
    expect({ codes: [one?.code, other?.code], stderr: [one?.stderr, other?.stderr] }).toEqual({
      codes: [0, 0],
      stderr: ["", ""],
    });
    const file = join(cwd, "runs/shared/blackboard.db");
    expect(query(file, "SELECT status, count(*) AS n FROM briefs GROUP BY status")).toEqual([
      { status: "done", n: 304 },
    ]);
    expect(query(file, completedTwice)).toEqual([]);
    expect(other?.lines.slice(-6)).toEqual(one?.lines.slice(-6));
  });
});

describe("workers that die", () => {
  it("occasionally, with --chaos, are replaced: the survey is complete and prints how many briefs were taken over", async () => {
    const cwd = temporaryFolder();
    // Each takes some time, so that a worker is killed while it measures one.
    const names = Array.from({ length: 38 }, (_, index) => `file${index}.txt`);
    const folder = write(temporaryFolder(), Object.fromEntries(names.map((name) => [name, "a".repeat(8000)])));
    for (const name of names) truncateSync(join(folder, name), 2 ** 23);
    const { code, file, lines, stderr } = await survey(cwd, folder, "--workers", "2", "--chaos");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(lines.filter((line) => /^Killed worker \d+\.$/.test(line)).length).toBeGreaterThan(0);
    expect(query(file, "SELECT status, count(*) AS n FROM briefs GROUP BY status")).toEqual([
      { status: "done", n: 40 },
    ]);
    expect(query(file, completedTwice)).toEqual([]);
    const [counted] = query<{ retried: number; retries: number; attempts: number }>(
      file,
      `SELECT (SELECT count(*) FROM events WHERE kind = 'retried') AS retried,
         sum(retry_count) AS retries, sum(attempt - 1) AS attempts FROM briefs`,
    );
    const handedOn = Number(lines.find((line) => line.startsWith("  handed on"))?.match(/\d+$/)?.[0]);
    expect(handedOn).toBeGreaterThan(0);
    expect(counted).toEqual({ retried: handedOn, retries: handedOn, attempts: handedOn });
  });

  it("on a signal release their claims and are replaced", async () => {
    const cwd = temporaryFolder();
    const running = starting(cwd, folderWithEndless().folder, "--workers", "1");
    const { runId, worker } = await untilAtEndless(running, cwd);
    process.kill(worker, "SIGTERM");
    using board = openSurvey(cwd, runId);
    const state = () => {
      const brief = board.getBrief("file/c/endless.txt");
      return { attempt: brief?.attempt, retries: brief?.retryCount };
    };
    await expect.poll(state, { timeout: 60_000 }).toEqual({ attempt: 2, retries: 0 });
    send("SIGTERM", running);
    expect(await running.ended).toMatchObject({ code: 143, stderr: "" });
  });

  it("repeatedly on one file do not get it endlessly: it fails, and the rest is done", async () => {
    const cwd = temporaryFolder();
    const folder = write(temporaryFolder(), { "fine.txt": "a\n", "poison.txt": "a\n" });
    await planHere(cwd, "poison", folder);
    // As many workers as necessary; each claims the file and then dies.
    let now = Date.now() - 60_000;
    {
      using board = openBlackboard({ runId: "poison", root: join(cwd, "runs"), clock: () => new Date(now) });
      board.updateBriefStatus("file/fine.txt", "active");
      for (let death = 0; death <= maxRetries; death++, now += 1000) {
        const claim = board.claimBrief({ agentId: `worker-${death}`, leaseMs: 1000, role: "file", maxRetries });
        expect(claim?.brief).toMatchObject({ briefId: "file/poison.txt", retryCount: death });
      }
      board.updateBriefStatus("file/fine.txt", "pending");
    }
    await workHere(cwd, "poison", folder);
    const file = join(cwd, "runs/poison/blackboard.db");
    expect(reasons(file)).toEqual({ "poison.txt": "retries exhausted" });
    expect(files(file)["fine.txt"]?.status).toBe("done");
    expect(query(file, "SELECT status FROM runs")).toEqual([{ status: "done" }]);
  });

  it("one after another are not replaced endlessly: the survey stops and can be continued", async () => {
    const cwd = temporaryFolder();
    const folder = write(temporaryFolder(), { "a.txt": "a\n" });
    await planHere(cwd, "hopeless", folder);
    const file = join(cwd, "runs/hopeless/blackboard.db");
    const run = (sql: string) => {
      const database = new Database(file);
      database.exec(sql);
      database.close();
    };
    run("CREATE TRIGGER stop BEFORE UPDATE ON briefs BEGIN SELECT RAISE(ABORT, 'not today'); END");
    const running = starting(cwd, "--run", "hopeless", "--workers", "1");
    const { code, lines, stderr } = await ended(running, cwd);
    expect({ code, last: lines.at(-1) }).toEqual({
      code: 1,
      last: "Stopped, as worker after worker died. To go on: npm start -- --run hopeless",
    });
    expect(stderr.match(/not today/g)).toHaveLength(maxRetries + 2);
    run("DROP TRIGGER stop");
    await workHere(cwd, "hopeless", folder);
    expect(query(file, "SELECT status FROM runs")).toEqual([{ status: "done" }]);
  });
});
