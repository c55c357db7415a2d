/** `work`: any executable is an agent that survives crashes. Real programs, real kills. */
import { execFileSync } from "node:child_process";
import { createReadStream, existsSync, readFileSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openBlackboard, releaseBrief } from "run-blackboard";
import { describe, expect, onTestFinished, test } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import { act, commandFile, on, places, startActing, type Working } from "./acting.ts";

const programFile = (name: string) => fileURLToPath(new URL(`programs/${name}`, import.meta.url));
const lease = ["--agent", "worker", "--lease", "10m"];

interface Folder {
  folder: string;
  file: string;
  board: ReturnType<typeof openBlackboard>;
}

/** A run with one brief for each of the ids. */
function makeRun(...ids: string[]): Folder {
  const folder = temporaryFolder();
  const file = join(folder, "blackboard.db");
  const board = openBlackboard({ runId: "r", file, synchronous: "normal" });
  onTestFinished(() => board.close());
  board.createRun("a goal");
  for (const briefId of ids) board.spawnBrief({ briefId, role: "coder", tier: 1, payload: { n: 1 } });
  return { folder, file, board };
}

function kindsOf(board: Folder["board"], briefId: string): string[] {
  return board.listEvents({ briefId }).items.map(({ kind }) => kind);
}

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

/** Starts `work` with `held.sh` and waits until it and what it started are running. */
async function startHeld({ folder, file }: Folder, ...options: string[]) {
  if (!existsSync(join(folder, "alive"))) execFileSync("mkfifo", ["alive", "go"], { cwd: folder });
  const words = ["work", file, "--agent", "worker", "--lease", "5s", "--grace", "1h", ...options];
  const working = await startActing([...words, "--", programFile("held.sh")], folder);
  return { working, ...(await aliveIn(folder, working)) };
}

/** Reads the pipe that the program holds open. */
async function aliveIn(folder: string, working: Working) {
  const alive = createReadStream(join(folder, "alive"), "utf8");
  let text = "";
  let look = () => {};
  alive.on("data", (chunk) => {
    text += chunk;
    look();
  });
  /** Resolves when the program and what it started have ended. */
  const gone = new Promise<string>((resolve) => {
    alive.on("close", () => resolve(text));
  });
  const says = (expected: RegExp) =>
    new Promise<string>((resolve) => {
      look = () => {
        if (expected.test(text)) resolve(text);
      };
      look();
    });
  await Promise.race([
    says(/^\d+\n/),
    working.ended.then(({ stderr }) => expect.fail(`work ended before its program was started: ${stderr}`)),
  ]);
  return {
    gone,
    says,
    tell: (line: string) => writeFile(join(folder, "go"), `${line}\n`),
    pid: Number.parseInt(text, 10),
  };
}

describe("signals and kills", () => {
  test("a program that ends takes with it what it started in the background", async () => {
    const run = makeRun("b");
    const { working, tell, gone } = await startHeld(run);
    await tell(`print {"ok":true}`);
    await gone;
    expect(await working.ended).toMatchObject({ code: 0 });
    expect(run.board.getBrief("b")).toMatchObject({ status: "done", result: { ok: true } });
  });

  test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
    "%s ends the program and then releases the brief",
    async (name) => {
      const run = makeRun("b");
      const { working, gone } = await startHeld(run, "--wait");
      working.signal(name);
      expect(await gone).toMatch(/^\d+\nterminated\n$/);
      const code = { SIGTERM: 143, SIGINT: 130, SIGHUP: 129 }[name];
      expect(await working.ended).toMatchObject({ code, signal: null });
      expect(working.lines.slice(1).map((line) => JSON.parse(line))).toMatchObject([
        { briefId: "b", outcome: "released" },
      ]);
      expect(run.board.getBrief("b")).toMatchObject({ status: "pending", claimedBy: null, retryCount: 0, attempt: 1 });
      expect(kindsOf(run.board, "b")).toEqual(["spawned"]);
    },
  );

  test("a program that ignores SIGTERM keeps its claim until a second signal kills it", async () => {
    const run = makeRun("b");
    writeFileSync(join(run.folder, "stubborn"), "");
    const { working, gone, says } = await startHeld(run);
    const { leaseExpiresAt } = run.board.getBrief("b") ?? {};
    working.signal("SIGTERM");
    await says(/terminated/);
    // Renewed while it may still be working.
    while (run.board.getBrief("b")?.leaseExpiresAt === leaseExpiresAt) await new Promise(setImmediate);
    expect(run.board.getBrief("b")).toMatchObject({ status: "active", claimedBy: "worker" });
    working.signal("SIGTERM");
    await gone;
    expect(await working.ended).toMatchObject({ code: 143 });
    expect(run.board.getBrief("b")).toMatchObject({ status: "pending", retryCount: 0 });
  });

  test("a program that ignores SIGTERM is killed after --grace", async () => {
    const run = makeRun("b");
    writeFileSync(join(run.folder, "stubborn"), "");
    const { working, gone } = await startHeld(run, "--grace", "1s");
    working.signal("SIGTERM");
    await gone;
    expect(await working.ended).toMatchObject({ code: 143 });
    expect(run.board.getBrief("b")).toMatchObject({ status: "pending" });
  });

  test("a lost claim kills the program and what it started, and nothing is stored", async () => {
    const run = makeRun("b");
    const { working, gone } = await startHeld(run);
    const claim = run.board.transaction(() => {
      releaseBrief(run.board, "b");
      return run.board.claimBrief({ agentId: "other", leaseMs: 60_000 });
    });
    expect(await gone).toMatch(/^\d+\n$/);
    expect(await working.ended).toMatchObject({ code: 5, stderr: "" });
    expect(working.lines.slice(1)).toEqual(['{"briefId":"b","attempt":1,"outcome":"lost"}']);
    expect(run.board.getBrief("b")).toEqual(claim?.brief);
  });

  test.each([
    ["fails", "failed", 7],
    ["deletes", "lost", 5],
    ["retries", "released", 5],
  ])("an operator who %s the brief ends the program", async (what, outcome, code) => {
    const run = makeRun("b");
    const { working, gone } = await startHeld(run);
    if (what === "fails") run.board.failBrief("b", { reason: "no longer needed" });
    else if (what === "retries") run.board.retryBrief("b");
    else run.board.transaction((tx) => void tx.drizzle.run("DELETE FROM briefs"));
    await gone;
    expect(await working.ended).toMatchObject({ code });
    expect(working.lines.slice(1).map((line) => JSON.parse(line).outcome)).toEqual([outcome]);
  });

  test("SIGKILL of work ends the program and what it started; the brief is claimed again and completed once", async () => {
    const run = makeRun("b");
    const { working, gone } = await startHeld(run);
    working.kill();
    expect(await gone).toMatch(/^\d+\n$/);
    expect(run.board.getBrief("b")).toMatchObject({ status: "active", attempt: 1 });
    const next = await startHeld(run, "--wait");
    await next.tell(`print {"ok":true}`);
    await next.gone;
    expect(await run.board.waitForBrief("b")).toMatchObject({ attempt: 2, retryCount: 1, result: { ok: true } });
    expect(kindsOf(run.board, "b")).toEqual(["spawned", "retried", "completed"]);
  });

  test("SIGKILL of the program fails the brief", async () => {
    const run = makeRun("b");
    const { working, gone, pid } = await startHeld(run);
    process.kill(pid, "SIGKILL");
    await gone;
    expect(await working.ended).toMatchObject({ code: 7 });
    expect(run.board.listEvents().items[1]?.detail).toMatchObject({ signal: "SIGKILL", exitCode: null });
  });

  test("whenever work is killed, no brief is lost, none is completed twice, and no two attempts overlap", async () => {
    const run = makeRun();
    const ids = Array.from({ length: 4 }, (_, n) => `b${n}`);
    for (const briefId of ids)
      run.board.spawnBrief({ briefId, role: "count", tier: 1, payload: { text: "one two three", seconds: 1.3 } });
    const words = [
      "work",
      run.file,
      "--agent",
      "worker",
      "--lease",
      "1s",
      "--until-empty",
      "--",
      programFile("count.py"),
    ];
    // From before the command has loaded until after it has completed a brief.
    for (let kill = 0; kill < 12; kill++) {
      const working = await startActing(words, run.folder);
      const killing = setTimeout(() => working.signal(kill % 3 === 2 ? "SIGTERM" : "SIGKILL"), 60 + kill * 150);
      await working.ended;
      clearTimeout(killing);
    }
    const last = await startActing(
      words.map((word) => (word === "--until-empty" ? "--wait" : word)),
      run.folder,
    );
    await run.board.waitForBriefs({ role: "count" });
    run.board.updateRunStatus("done");
    expect(await last.ended).toMatchObject({ code: 0 });
    expect(existsSync(join(run.folder, "overlaps")) && readFileSync(join(run.folder, "overlaps"), "utf8")).toBe(false);
    for (const briefId of ids) {
      expect(run.board.getBrief(briefId)).toMatchObject({ status: "done", result: { words: 3 } });
      expect(kindsOf(run.board, briefId).filter((kind) => kind !== "retried")).toEqual(["spawned", "completed"]);
    }
  });
});
