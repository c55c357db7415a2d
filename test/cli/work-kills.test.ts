/** `work` and its programs, killed and told to stop at every point: no brief is lost, none is completed twice, no program is left over. */
import { execFileSync } from "node:child_process";
import { createReadStream, existsSync, readFileSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { releaseBrief } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { startActing, type Working } from "./acting.ts";
import { type Folder, kindsOf, makeRun, programFile } from "./working.ts";

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
