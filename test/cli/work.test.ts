/** `work`: any executable is an agent. What it passes to real programs, and what it makes of how they end. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { act, on, places, startActing } from "./acting.ts";
import { commandFile } from "./command.ts";
import { makeRun } from "./working.ts";

const lease = ["--agent", "worker", "--lease", "10m"];

const shell = (script: string) => ["--", "sh", "-c", script];

describe.each(places)("work, on %s", (_, make) => {
  test("passes the payload on stdin and stores the JSON object that the program printed", async () => {
    const place = await make();
    const run = on(place);
    run("create", ["--goal", "a goal"]);
    const board = await place.open();
    const payload = { text: "é\n".repeat(200_000), n: [1, { m: null }] };
    await board.spawnBrief({ briefId: "b", role: "coder", tier: 1, payload });
    const [name, ...options] = place.run;
    const worked = act(["work", name, ...lease, ...options, "--", "cat"]);
    expect(worked).toMatchObject({ code: 0, stderr: "", lines: [{ briefId: "b", attempt: 1, outcome: "completed" }] });
    expect(await board.getBrief("b")).toMatchObject({ status: "done", result: payload, claimedBy: "worker" });
    expect(act(["work", name, ...lease, ...options, "--", "cat"])).toMatchObject({ code: 4, stdout: "", stderr: "" });
  });

  test("passes the run and the claim to the commands that the program calls", async () => {
    const place = await make();
    const run = on(place);
    run("create", ["--goal", "a goal"]);
    const board = await place.open();
    await board.spawnBrief({ briefId: "plan", role: "lead", tier: 1 });
    const [name, ...options] = place.run;
    const script = `
      set -e
      where="--run $RUN_BLACKBOARD_RUN_ID"
      if [ -n "$RUN_BLACKBOARD_POSTGRES" ]; then where="--postgres $RUN_BLACKBOARD_POSTGRES"; fi
      "$0" "$1" renew "$RUN_BLACKBOARD_RUN" $where --lease 1h --progress '{"page":1}' >/dev/null
      "$0" "$1" spawn "$RUN_BLACKBOARD_RUN" $where --role coder --id part --parent "$RUN_BLACKBOARD_BRIEF" >/dev/null
      "$0" "$1" complete "$RUN_BLACKBOARD_RUN" $where --result '{"parts":1}' >/dev/null`;
    const worked = act(["work", name, ...lease, ...options, "--", "sh", "-c", script, process.execPath, commandFile()]);
    expect(worked).toMatchObject({ code: 0, stderr: "", json: { outcome: "completed" } });
    expect(await board.getBrief("plan")).toMatchObject({ result: { parts: 1 }, progress: { page: 1 } });
    expect(await board.getBrief("part")).toMatchObject({ parentBriefId: "plan", status: "pending" });
    expect((await board.getRunSummary()).events.completed).toBe(1);
  });
});

describe("what a program prints and how it ends", () => {
  test.each([
    ["prints nothing", "true", { result: {} }],
    ["prints an object on several lines", `printf '\\n{\\n"a":1\\n}\\n'`, { result: { a: 1 } }],
    ["does not read its input", `exec <&-; echo '{"a":2}'`, { result: { a: 2 } }],
    [
      "prints text",
      "echo hello",
      { error: "sh must print one JSON object, or nothing: what it printed is not valid JSON" },
    ],
    ["prints an array", "echo '[1]'", { error: "what it printed must be a JSON object, got an array" }],
    ["prints bytes that are no text", `printf '{"a":"\\377"}'`, { error: "must print one JSON object" }],
    ["prints what can't be stored", `printf '{"a":"\\\\u0000"}'`, { error: "NUL" }],
    ["prints without end", "yes", { error: "sh printed more than 16777216 bytes" }],
    ["ends with another exit code", "echo one >&2; echo two >&2; exit 3", { error: "sh ended with exit code 3: two" }],
    ["ends with another exit code after a result", "echo '{}'; exit 1", { error: "sh ended with exit code 1" }],
    ["is killed", "kill -KILL $$", { error: "sh was ended by SIGKILL" }],
  ])("%s", (_, script, { result, error }: { result?: object; error?: string }) => {
    const { board, file } = makeRun("b");
    const worked = act(["work", file, ...lease, ...shell(script)]);
    expect(worked.json.outcome).toBe(result ? "completed" : "failed");
    expect(worked.code).toBe(result ? 0 : 7);
    expect(board.getBrief("b")).toMatchObject({ status: result ? "done" : "failed", result: result ?? null });
    const [, event] = board.listEvents().items;
    expect(event?.kind).toBe(result ? "completed" : "failed");
    if (error !== undefined) expect(event?.detail.error).toContain(error);
    expect(worked.json.detail).toEqual(error === undefined ? undefined : event?.detail);
  });

  test("the end of stderr is stored, and all of it is passed on", () => {
    const { board, file } = makeRun("b");
    const { stderr } = act([
      "work",
      file,
      ...lease,
      ...shell(`printf 'é%.0s' $(seq 5000) >&2; printf '\\000end\\n' >&2; exit 1`),
    ]);
    expect(stderr).toBe(`${"é".repeat(5000)}\0end\n`);
    const stored = String(board.listEvents().items[1]?.detail.stderr);
    expect(stored).toMatch(/^é+\ufffdend$/);
    expect(Buffer.byteLength(stored)).toBeGreaterThan(4000);
  });

  test("a program that does not exist claims nothing, and one that disappears releases its brief", () => {
    const { board, file, folder } = makeRun("b");
    const missing = join(folder, "missing");
    expect(act(["work", file, ...lease, "--", missing])).toMatchObject({ code: 2, error: { code: "INVALID_INPUT" } });
    expect(board.getBrief("b")?.attempt).toBe(0);
    const once = join(folder, "once");
    writeFileSync(once, `#!/bin/sh\nrm "$0"\nexit 127\n`, { mode: 0o755 });
    expect(act(["work", file, ...lease, "--until-empty", "--", once])).toMatchObject({ code: 2 });
    expect(board.getBrief("b")).toMatchObject({ status: "pending", attempt: 1, retryCount: 0 });
  });
});

test("a system that starts no process is an error, and nothing is claimed", () => {
  const { board, file } = makeRun("b");
  const worked = act(["work", file, ...lease, "--", process.execPath], { env: { PATH: "/nowhere" } });
  expect(worked).toMatchObject({ code: 1, stdout: "", error: { code: "INVALID_INPUT" } });
  expect(board.getBrief("b")?.attempt).toBe(0);
});

describe("many briefs", () => {
  test("--until-empty works on one after another, and its exit code says whether one failed", () => {
    const { board, file } = makeRun("a", "b", "c");
    const script = `[ "$RUN_BLACKBOARD_BRIEF" != b ]`;
    const worked = act(["work", file, ...lease, "--until-empty", "--role", "coder", ...shell(script)]);
    expect(worked.lines.map(({ briefId, outcome }) => [briefId, outcome])).toEqual([
      ["a", "completed"],
      ["b", "failed"],
      ["c", "completed"],
    ]);
    expect(worked.code).toBe(7);
    board.retryBrief("b");
    expect(act(["work", file, ...lease, "--until-empty", "--role", "tester", "--", "true"])).toMatchObject({
      code: 0,
      stdout: "",
    });
    expect(act(["work", file, ...lease, "--until-empty", "--", "true"])).toMatchObject({
      code: 0,
      lines: [{ attempt: 2 }],
    });
  });

  test("--wait works on briefs that are spawned later, until the run is done", async () => {
    const { board, file, folder } = makeRun();
    const working = await startActing(["work", file, ...lease, "--wait", "--", "cat"], folder);
    for (const briefId of ["a", "b"]) board.spawnBrief({ briefId, role: "coder", tier: 1, payload: { briefId } });
    await board.waitForBriefs({ role: "coder" });
    board.updateRunStatus("done");
    expect(await working.ended).toEqual({ code: 0, signal: null, stderr: "" });
    expect(board.getBrief("b")?.result).toEqual({ briefId: "b" });
  });
});
