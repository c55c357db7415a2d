/**
 * The worker pool, the orchestrator and the agent that backs off, as processes: checks the claims of docs/recipes.md.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Blackboard, BusyError, ConflictError, openBlackboard } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { temporaryFolder } from "../processes/folder.ts";
import { type Call, logOf, openIn, startModel, startRecipe } from "./recipe.ts";

/** A run with these questions as briefs, and a model with scripted answers. */
async function questions(texts: readonly string[], take: (call: Call) => void) {
  const folder = temporaryFolder();
  const board = openIn(folder, "q");
  board.createRun("some questions");
  for (const question of texts) {
    board.spawnBrief({ briefId: question, tier: 0, role: "answer", payload: { question } });
  }
  const model = await startModel(take);
  const startAgents = (name: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) =>
    startRecipe(name, { cwd: folder, args: ["q", ...args], env: { MODEL_URL: model.url, ...env } });
  return { folder, board, model, startAgents };
}
const eventually = { timeout: 60_000 };

describe("the worker pool", () => {
  test("releases its claims on SIGTERM and exits", async () => {
    const { board, model, startAgents } = await questions(["one", "two", "three"], () => undefined);
    const pool = await startAgents("worker-pool", ["2"]);
    await expect.poll(() => model.calls.length, eventually).toBe(2);
    expect(board.getRunSummary().briefs).toMatchObject({ active: 2, pending: 1 });
    pool.signal("SIGTERM");
    expect(await pool.ended).toEqual({ code: 0, signal: null, stderr: "" });
    for (const brief of board.listBriefs().items) {
      expect(brief).toMatchObject({ status: "pending", claimedBy: null, leaseExpiresAt: null, retryCount: 0 });
      expect(logOf(board, brief.briefId)).toEqual(["spawned"]);
    }
  });

  test("that is killed loses its briefs to another worker when the lease expires", async () => {
    const { board, model, startAgents } = await questions(["one"], (call) => {
      if (call.before > 0) call.answer("the second time");
    });
    const killed = await startAgents("worker-pool", ["1"], { LEASE_MS: "700" });
    await expect.poll(() => model.calls.length, eventually).toBe(1);
    killed.signal("SIGKILL");
    await killed.ended;
    const previousAgent = board.getBrief("one")?.claimedBy;
    const pool = await startAgents("worker-pool", ["1"]);
    await expect.poll(() => board.getBrief("one")?.result, eventually).toEqual({ answer: "the second time" });
    expect(board.listEvents({ kinds: ["retried"] }).items.map(({ detail }) => detail)).toEqual([
      { reason: "lease expired", previousAgent, attempt: 1 },
    ]);
    pool.signal("SIGTERM");
    expect(await pool.ended).toEqual({ code: 0, signal: null, stderr: "" });
  });

  test("that was paused for too long discards the work, changes nothing and claims the next brief", async () => {
    const { board, model, startAgents } = await questions(["one"], (call) => {
      if (call.before > 0 || call.prompt === "two") call.answer(`${call.prompt}, answered`);
    });
    const paused = await startAgents("worker-pool", ["1"], { LEASE_MS: "700" });
    await expect.poll(() => model.calls.length, eventually).toBe(1);
    pauseBetweenWrites(paused, board);
    const other = await startAgents("worker-pool", ["1"]);
    await expect.poll(() => board.getBrief("one")?.status, eventually).toBe("done");
    other.signal("SIGTERM");
    await other.ended;
    const done = board.getBrief("one");
    model.calls[0]?.answer("too late");
    paused.signal("SIGCONT");
    board.spawnBrief({ briefId: "two", tier: 0, role: "answer", payload: { question: "two" } });
    await expect.poll(() => board.getBrief("two")?.status, eventually).toBe("done");
    paused.signal("SIGTERM");
    expect(await paused.ended).toEqual({ code: 0, signal: null, stderr: "" });
    expect(board.getBrief("one")).toEqual(done);
    expect(done?.result).toEqual({ answer: "one, answered" });
  });
});

/** Not during a write: a paused process would block all other writers. */
function pauseBetweenWrites(program: { signal(signal: NodeJS.Signals): void }, board: Blackboard<"sync">): void {
  for (;;) {
    program.signal("SIGSTOP");
    try {
      return board.transaction(() => undefined);
    } catch (error) {
      if (!(error instanceof BusyError)) throw error;
      program.signal("SIGCONT");
    }
  }
}

describe("the orchestrator", () => {
  test("with two pools retries, escalates to the next tier in one commit, and combines the answers", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "questions.txt"), "easy\nflaky\nhard\nimpossible\n");
    const model = await startModel((call) => {
      const { prompt, before } = call;
      const works =
        call.model === "small"
          ? prompt === "easy" || (prompt === "flaky" && before > 0)
          : prompt.startsWith("hard\n") && prompt.includes("overtaxed");
      if (works) call.answer(`${prompt.split("\n")[0]}, says the ${call.model} one`);
      else call.refuse(500, "overtaxed");
    });
    const env = { MODEL_URL: model.url };
    const pools = await Promise.all(
      [1, 2].map(() => startRecipe("worker-pool", { cwd: folder, args: ["q", "2"], env })),
    );
    const args = ["q", "questions.txt"];
    const board = openIn(folder, "q");

    // Killed early, killed after the first answer, then two concurrently.
    for (const reached of [() => board.getRun(), () => board.getBrief("question/0")?.result]) {
      const killed = await startRecipe("orchestrator", { cwd: folder, args });
      await expect.poll(reached, eventually).toBeTruthy();
      killed.kill();
      await killed.ended;
    }
    const both = await Promise.all([1, 2].map(() => startRecipe("orchestrator", { cwd: folder, args })));
    const answers = [
      "question/0: easy, says the small one",
      "question/1: flaky, says the small one",
      "question/2/research: hard, says the large one",
    ];
    for (const orchestrator of both) {
      expect(await orchestrator.ended).toEqual({ code: 0, signal: null, stderr: "" });
      expect(orchestrator.lines.slice(1)).toEqual(answers);
    }
    for (const pool of pools) {
      pool.signal("SIGTERM");
      expect(await pool.ended).toEqual({ code: 0, signal: null, stderr: "" });
    }

    const tries = ["retried", "retried"];
    const logs = board.listBriefs().items.map(({ briefId }) => [briefId, logOf(board, briefId)]);
    expect(Object.fromEntries(logs)).toEqual({
      digest: ["spawned", "completed"],
      "question/0": ["spawned", "completed"],
      "question/1": ["spawned", "retried", "completed"],
      "question/2": ["spawned", ...tries, "escalated"],
      "question/2/research": ["spawned", "completed"],
      "question/3": ["spawned", ...tries, "escalated"],
      "question/3/research": ["spawned", ...tries, "failed"],
    });
    expect(board.getBrief("question/3/research")).toMatchObject({ tier: 1, parentBriefId: "digest", status: "failed" });
    expect(board.getRun()?.status).toBe("done");
  });

  test("that restarts with a different default in a schema gets a conflict, because defaults are stored", () => {
    const folder = temporaryFolder();
    const open = (byDefault: number) => {
      const payload = z.object({ tokens: z.int().default(byDefault) });
      return openBlackboard({ runId: "defaults", root: folder, roles: { answer: { payload } } });
    };
    const brief = { briefId: "b", tier: 0, role: "answer" } as const;
    using before = open(1000);
    before.createRun("a goal");
    expect(before.spawnBrief({ ...brief, payload: {} }).payload).toEqual({ tokens: 1000 });
    using after = open(2000);
    expect(() => after.spawnBrief({ ...brief, payload: {} })).toThrow(ConflictError);
    expect(after.spawnBrief({ ...brief, payload: { tokens: 1000 } }).payload).toEqual({ tokens: 1000 });
  });
});

describe("backing off", () => {
  test("lets other work continue, takes at least its delay, and survives the process that started it", async () => {
    const { board, model, startAgents } = await questions(["busy", "quick"], (call) => {
      if (call.prompt === "busy" && call.before === 0) call.refuse(503, "later");
      else call.answer("an answer");
    });
    const first = await startAgents("back-off", [], { FIRST_DELAY_MS: "3000" });
    const line = await first.until((lines) => lines.find((one) => one.startsWith("busy again in ")));
    await expect.poll(() => board.getBrief("quick")?.status, eventually).toBe("done");
    first.signal("SIGKILL");
    await first.ended;
    const second = await startAgents("back-off");
    await expect.poll(() => board.getBrief("busy")?.status, eventually).toBe("done");
    second.signal("SIGKILL");
    const [begun, again] = model.calls.filter(({ prompt }) => prompt === "busy").map(({ at }) => at);
    expect((again ?? 0) - (begun ?? 0)).toBeGreaterThanOrEqual(Number(/in (\d+) ms/.exec(line)?.[1]));
    expect(board.getBrief("busy")).toMatchObject({ retryCount: 1, attempt: 2 });
    expect(board.listEvents().items.map(({ kind, briefId }) => `${kind} ${briefId}`)).toEqual([
      "spawned busy",
      "spawned quick",
      "retried busy",
      "completed quick",
      "completed busy",
    ]);
    expect(board.listEvents({ kinds: ["retried"] }).items[0]?.detail).toMatchObject({ delayMs: expect.any(Number) });
  });
});
