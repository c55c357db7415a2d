/** The survey example with its blackboard on a server: same program, same result. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Blackboard, type Mode, openBlackboard } from "run-blackboard";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import { send, starting, survey } from "../survey/survey.ts";
import { freshSchema, hasServer, open } from "./fresh.ts";

/** A folder with text files, and with a pipe, which cannot be measured. */
function smallFolder(): string {
  const folder = temporaryFolder();
  for (const name of ["docs", "src"]) mkdirSync(join(folder, name));
  writeFileSync(join(folder, "readme.md"), "# Small\n");
  writeFileSync(join(folder, "docs/guide.md"), "One line, no end");
  writeFileSync(join(folder, "src/main.ts"), "let a = 1;\nlet b = 22;\n");
  execFileSync("mkfifo", [join(folder, "src/pipe")]);
  return folder;
}

/** The briefs ordered by id, without their times and agents. */
async function briefs(board: Blackboard<Mode>) {
  const { items } = await board.listBriefs({ limit: 1000 });
  const rows = items.map(({ createdAt: _, updatedAt: __, claimedBy: ___, claimedAt: ____, ...brief }) => brief);
  return rows.sort((one, other) => (one.briefId < other.briefId ? -1 : 1));
}

describe.skipIf(!hasServer)("a survey with --postgres", () => {
  it("has the result of a survey in a file, writes no file, and finally prints the server", async () => {
    const schema = await freshSchema();
    const [folder, cwd, besides] = [smallFolder(), temporaryFolder(), temporaryFolder()];
    const { code, stderr, lines } = await survey(cwd, folder, "--run", "small", "--postgres", schema.url);
    const board = await open(schema, { runId: "small" });
    expect({ code, stderr, last: lines.at(-1) }).toEqual({ code: 0, stderr: "", last: board.location });
    expect(existsSync(join(cwd, "runs"))).toBe(false);

    const inFile = await survey(besides, folder, "--run", "small");
    using fileBoard = openBlackboard({ runId: "small", root: join(besides, "runs") });
    expect(lines.slice(0, -1)).toEqual(inFile.lines.slice(0, -1));
    expect(lines).toContain("  src/pipe: not a regular file");
    expect(await briefs(board)).toEqual(await briefs(fileBoard));

    const again = await survey(cwd, "--run", "small", "--postgres", schema.url);
    expect(again).toMatchObject({ code: 0, stderr: "", lines: lines.slice(1) });
  });

  it.each([
    ["SIGINT", 130, 0],
    ["SIGKILL", null, 1],
  ] as const)("that %s stopped continues with --run and does nothing twice", async (signal, code, retries) => {
    const schema = await freshSchema();
    const [folder, cwd] = [smallFolder(), temporaryFolder()];
    // A sparse text file that takes hours to read: the signal always finds a worker reading it.
    const endless = join(folder, "src/endless.txt");
    writeFileSync(endless, "a".repeat(8000));
    truncateSync(endless, 2 ** 43);
    const running = starting(cwd, folder, "--run", "stopped", "--workers", "1", "--postgres", schema.url);
    await running.until((lines) => lines[1]);
    const board = await open(schema, { runId: "stopped" });
    const endlessBrief = () => board.getBrief("file/src/endless.txt");
    await expect.poll(async () => (await endlessBrief())?.status, { timeout: 60_000 }).toBe("active");
    // Without its worker, which would release the file's claim.
    const worker = Number((await endlessBrief())?.claimedBy?.split("/").at(-1));
    if (signal === "SIGKILL") process.kill(worker, "SIGSTOP");
    send(signal, running);
    if (signal === "SIGKILL") process.kill(worker, "SIGKILL");
    expect(await running.ended).toMatchObject({ code, stderr: "" });
    if (code) expect(running.lines.at(-1)).toBe("Stopped. To go on: npm start -- --run stopped --postgres URL");

    writeFileSync(endless, "short\n");
    expect(await survey(cwd, "--run", "stopped", "--postgres", schema.url)).toMatchObject({ code: 0, stderr: "" });
    const rows = (await briefs(board)).filter(({ role }) => role === "file");
    expect(rows.map(({ briefId, status, retryCount }) => [briefId, status, retryCount])).toEqual([
      ["file/docs/guide.md", "done", 0],
      ["file/readme.md", "done", 0],
      ["file/src/endless.txt", "done", retries],
      ["file/src/main.ts", "done", 0],
      ["file/src/pipe", "failed", 0],
    ]);
    expect(await board.getRunSummary()).toMatchObject({
      status: "done",
      events: { spawned: 9, completed: 8, failed: 1, retried: retries },
    });
  });

  it("without a reachable server prints one clear line without the password", async () => {
    const nowhere = "postgresql://tester:secret@localhost:1/none";
    const { code, lines, stderr } = await survey(temporaryFolder(), smallFolder(), "--postgres", nowhere);
    expect({ code, lines }).toEqual({ code: 1, lines: [] });
    expect(stderr).toMatch(
      /^Cannot connect to the server at postgresql:\/\/localhost:1\/none\?schema=run_blackboard .*\n$/,
    );
  });
});
