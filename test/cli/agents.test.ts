/** The commands for agents: what they store is what the class stores, and the exit code says what to do next. */
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import { act, on, type Place, places } from "./acting.ts";

const lease = ["--agent", "coder-1", "--lease", "10m"];
const code = ({ code }: { code: number | null }) => code;

async function created(make: () => Promise<Place>) {
  const place = await make();
  const run = on(place);
  expect(run("create", ["--goal", "a goal"])).toMatchObject({ code: 0, json: { runId: "r", status: "pending" } });
  return { run, board: await place.open() };
}

describe.each(places)("the commands for agents, on %s", (_, make) => {
  test("create, spawn, claim, renew and complete store what the class reads", async () => {
    const { run, board } = await created(make);
    expect(run("create", ["--goal", "a goal"]).json).toEqual(await board.getRun());
    expect(run("workstream", ["--id", "w", "--name", "W", "--owner", "me"]).json).toEqual(
      await board.getWorkstream("w"),
    );
    const words = ["--id", "b", "--workstream", "w", "--tier", "2", "--priority", "-3", "--payload", '{"n":[1,"é"]}'];
    const spawned = run("spawn", ["--role", "coder", ...words, "--detail", '{"by":"plan"}']);
    expect(spawned.json).toEqual(await board.getBrief("b"));
    expect(spawned.json).toMatchObject({ workstreamId: "w", tier: 2, priority: -3, payload: { n: [1, "é"] } });
    const claim = run("claim", [...lease, "--role", "coder", "tester"]);
    expect(claim.json).toMatchObject({ attempt: 1, agentId: "coder-1", brief: { briefId: "b", status: "active" } });
    const renewed = run("renew", ["--claim", "-", "--lease", "1h", "--progress", '{"page":3}'], {
      input: claim.stdout,
    });
    expect(renewed.json.brief).toEqual(await board.getBrief("b"));
    const result = ["--claim", "-", "--result", '{"changed":3}', "--detail", '{"seconds":4}'];
    const completed = run("complete", result, { input: renewed.stdout });
    expect(completed).toMatchObject({
      code: 0,
      json: { status: "done", result: { changed: 3 }, progress: { page: 3 } },
    });
    expect(run("complete", result, { input: claim.stdout }).json).toEqual(completed.json);
    const { items } = await board.listEvents();
    expect(items.map(({ kind, briefId, detail }) => [kind, briefId, detail])).toEqual([
      ["spawned", "b", { by: "plan" }],
      ["completed", "b", { seconds: 4 }],
    ]);
  });

  test("the exit code tells a claim from nothing to claim, a lost claim, invalid input and other errors", async () => {
    const { run, board } = await created(make);
    expect(run("claim", lease)).toMatchObject({ code: 4, stdout: "", stderr: "" });
    await board.spawnBrief({ briefId: "b", role: "coder", tier: 1 });
    const claim = run("claim", lease);
    expect(code(claim)).toBe(0);
    await board.retryBrief("b");
    for (const words of [["renew", "--lease", "1m"], ["complete"], ["fail"], ["escalate"], ["release"], ["retry"]]) {
      const [command = "", ...options] = words;
      const lost = run(command, [...options, "--claim", "-"], { input: claim.stdout });
      expect(lost, command).toMatchObject({ code: 5, stdout: "", error: { code: "LOST_CLAIM" } });
    }
    expect(run("claim", ["--agent", "", "--lease", "1m"])).toMatchObject({ code: 2, error: { code: "INVALID_INPUT" } });
    expect(run("spawn", ["--role", "x", "--parent", "none"])).toMatchObject({ code: 1, error: { code: "NOT_FOUND" } });
    expect(run("create", ["--goal", "another"])).toMatchObject({ code: 1, error: { code: "CONFLICT" } });
    expect((await board.getRunSummary()).events).toMatchObject({ spawned: 1, retried: 1, completed: 0, failed: 0 });
  });

  test("a claim comes from a file, stdin or the environment, and an id is an operator's", async () => {
    const { run, board } = await created(make);
    for (const briefId of ["a", "b", "c", "d"]) await board.spawnBrief({ briefId, role: "coder", tier: 1 });
    const claims = run("claim", [...lease, "--limit", "3"]).stdout.split("\n");
    expect(claims).toHaveLength(4);
    const path = join(temporaryFolder(), "claim.json");
    writeFileSync(path, claims[0] ?? "");
    expect(run("fail", ["--claim", path, "--reason", "no disk"]).json).toMatchObject({
      briefId: "a",
      status: "failed",
    });
    expect(run("release", ["--claim", "-"], { input: claims[1] ?? "" }).json).toMatchObject({
      briefId: "b",
      status: "pending",
    });
    const env = { RUN_BLACKBOARD_CLAIM: claims[2] };
    expect(run("escalate", ["--detail", '{"to":"lead"}'], { env }).json).toMatchObject({
      briefId: "c",
      status: "failed",
    });
    expect(code(run("fail", ["d", "--reason", "old"], { env }))).toBe(0);
    const { items } = await board.listEvents({ after: 4 });
    expect(items.map(({ kind, briefId, detail }) => [kind, briefId, detail])).toEqual([
      ["failed", "a", { reason: "no disk" }],
      ["escalated", "c", { to: "lead" }],
      ["failed", "d", { by: "operator", reason: "old" }],
    ]);
    for (const command of ["complete", "escalate", "renew"]) {
      const words = command === "renew" ? ["--lease", "1m"] : [];
      expect(run(command, words), command).toMatchObject({ code: 2, error: { code: "INVALID_INPUT" } });
    }
    for (const command of ["fail", "release", "retry"]) {
      expect(run(command).stderr, command).toContain("specify brief ids, or select briefs with");
      expect(run(command, ["a", "--claim", path]).stderr, command).toContain("must not be combined with ids");
    }
    expect(run("complete", ["b", "--claim", path]).error?.message).toContain("must not be combined with an id");
    expect(run("release", ["--claim", path, "--reason", "x"]).error?.message).toContain("--reason");
    expect(run("complete", ["--claim", "-"], { input: '"b"' }).error?.message).toContain(
      "--claim: must be a JSON object",
    );
  });

  test("spawn --list creates all briefs of its lines in one commit, or none", async () => {
    const { run, board } = await created(make);
    const lines = (...briefs: object[]) => briefs.map((brief) => `${JSON.stringify(brief)}\n`).join("\n");
    const write = { role: "coder", briefId: "write", payload: { file: "a.ts" } };
    const check = {
      role: "tester",
      briefId: "check",
      tier: 3,
      after: ["write"],
      notBefore: "2026-01-02T03:04:05+02:00",
    };
    const spawned = run("spawn", ["--list", "-", "--detail", '{"by":"x"}'], { input: lines(write, check) });
    expect(spawned.lines).toEqual([await board.getBrief("write"), await board.getBrief("check")]);
    expect(spawned.lines).toMatchObject([{ tier: 1 }, { tier: 3, waitsFor: 1, notBefore: "2026-01-02T01:04:05.000Z" }]);
    const refused = (...briefs: object[]) => run("spawn", ["--list", "-"], { input: lines(...briefs) });
    const other = { role: "coder", briefId: "other" };
    expect(refused(other, { ...write, payload: {} })).toMatchObject({ code: 1, error: { code: "CONFLICT" } });
    expect(refused(other, { ...other, briefId: "x", notBefore: "soon" }).error?.message).toContain(
      "line 3.notBefore: must be",
    );
    expect(refused(other, { ...other, tiers: 2 }).error?.message).toContain("briefs[1].tiers: unknown property");
    expect(run("spawn", ["--list", "-"], { input: '{"role":"a"}\n[]\n' }).error?.message).toContain(
      "--list, line 2: must be",
    );
    expect(code(run("spawn", ["--list", "-", "--role", "x"]))).toBe(2);
    expect((await board.getRunSummary()).briefs.pending).toBe(2);
  });

  test("wait prints the briefs, or their number by status, when none is pending or active", async () => {
    const { run, board } = await created(make);
    await board.spawnBrief({ briefId: "plan", role: "lead", tier: 1 });
    for (const briefId of ["a", "b"])
      await board.spawnBrief({ briefId, parentBriefId: "plan", role: "coder", tier: 1 });
    expect(run("wait", ["a", "b", "--timeout", "1s"])).toMatchObject({ code: 6, stdout: "", stderr: "" });
    await board.completeBrief("b", { n: 1 });
    await board.failBrief("a");
    expect(run("wait", ["b"])).toMatchObject({ code: 0, json: { briefId: "b", result: { n: 1 } } });
    expect(run("wait", ["b", "a"])).toMatchObject({ code: 7, lines: [{ briefId: "b" }, { briefId: "a" }] });
    expect(run("wait", ["--parent", "plan"])).toMatchObject({ code: 7, json: { done: 1, failed: 1, active: 0 } });
    expect(run("wait", ["--role", "tester"])).toMatchObject({ code: 0, json: { done: 0, failed: 0 } });
    expect(run("wait")).toMatchObject({ code: 2, error: { code: "INVALID_INPUT" } });
    expect(run("wait", ["none"])).toMatchObject({ code: 1, error: { code: "NOT_FOUND" } });
  });

  test("claim --wait claims what is spawned later, and ends when its time or the run is over", async () => {
    const { run, board } = await created(make);
    expect(run("claim", [...lease, "--wait", "--timeout", "1s"])).toMatchObject({ code: 4, stdout: "" });
    await board.spawnBrief({ briefId: "soon", role: "coder", tier: 1, notBefore: new Date(Date.now() + 1500) });
    expect(run("claim", lease).code).toBe(4);
    expect(run("claim", [...lease, "--wait"]).json).toMatchObject({ brief: { briefId: "soon" } });
    await board.updateRunStatus("done");
    expect(run("claim", [...lease, "--wait"])).toMatchObject({ code: 4, stdout: "", stderr: "" });
  });

  test("log appends an event of any kind, and takes the same id twice", async () => {
    const { run, board } = await created(make);
    await board.spawnBrief({ briefId: "b", role: "coder", tier: 1 });
    const event = run("log", ["escalated", "--brief", "b", "--id", "e", "--detail", '{"question":"which?"}']);
    expect([event.json]).toEqual((await board.listEvents({ after: 1 })).items);
    expect(run("log", ["escalated", "--brief", "b", "--id", "e", "--detail", '{"question":"which?"}']).json).toEqual(
      event.json,
    );
    expect(code(run("log", ["noted"]))).toBe(2);
  });
});

describe("what agents pass", () => {
  test("is read from the option, a file or stdin, which only one option may use; no message shows it", async () => {
    const { run, board } = await created(places[0]?.[1] ?? expect.fail("no engine"));
    const path = join(temporaryFolder(), "payload.json");
    writeFileSync(path, '{"from":"file"}');
    const spawn = (payload: string, input = "") => run("spawn", ["--role", "coder", "--payload", payload], { input });
    expect(spawn(`@${path}`).json).toMatchObject({ payload: { from: "file" } });
    expect(spawn("-", '{"from":"stdin"}').json).toMatchObject({ payload: { from: "stdin" } });
    const secret = '{"url":"postgresql://me:secret@db/x"}';
    expect(spawn(secret).json).toMatchObject({ payload: { url: "postgresql://me:secret@db/x" } });
    for (const wrong of [secret.slice(0, -1), "@/no/such/file", "[1]", "null", "3", "", "-"]) {
      const { code, error, stderr } = spawn(wrong);
      expect({ code, error }, wrong).toMatchObject({ code: 2, error: { code: "INVALID_INPUT" } });
      expect(stderr).not.toContain("secret");
      expect(stderr).toContain("--payload");
    }
    const twice = run("spawn", ["--role", "coder", "--payload", "-", "--detail", "-"], { input: "{}" });
    expect(twice.error?.message).toContain("stdin can be read for one option only");
    expect((await board.getRunSummary()).briefs.pending).toBe(3);
  });

  test("create needs --run for a path, and leaves a file that needs migrations unchanged", () => {
    const folder = temporaryFolder();
    expect(act(["create", join(folder, "x.db"), "--goal", "g"]).error?.message).toContain("--run: required");
    expect(code(act(["create", "abc", "--root", folder, "--goal", "g"]))).toBe(0);
    expect(act(["summary", "abc", "--root", folder, "--json"]).json).toMatchObject({ goal: "g" });
    mkdirSync(join(folder, "old"));
    cpSync(new URL("../fixtures/python/webhook.db", import.meta.url), join(folder, "old/blackboard.db"));
    for (const words of [
      ["create", "old", "--goal", "g"],
      ["spawn", "old", "--role", "x"],
    ]) {
      expect(act([...words, "--root", folder])).toMatchObject({ code: 1, error: { code: "MIGRATION_PENDING" } });
    }
    expect(act(["spawn", "none", "--root", folder, "--role", "x"])).toMatchObject({
      code: 1,
      error: { code: "NO_SUCH_FILE" },
    });
  });
});
