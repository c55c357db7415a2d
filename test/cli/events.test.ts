/** Which events `events` prints, and that it can be interrupted. */
import { once } from "node:events";
import { join } from "node:path";
import { type Blackboard, openBlackboard } from "run-blackboard";
import { expect, onTestFinished, test } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import { printed, run, started } from "./command.ts";

const hour = 3_600_000;

function makeRun(): { file: string; board: Blackboard<"sync">; setAge: (ms: number) => void } {
  const file = join(temporaryFolder(), "blackboard.db");
  let age = 0;
  const clock = () => new Date(Date.now() - age);
  const board = openBlackboard({ runId: "r", file, synchronous: "normal", clock });
  onTestFinished(() => board.close());
  board.createRun("a goal");
  const setAge = (ms: number) => {
    age = ms;
  };
  return { file, board, setAge };
}

test("events are selected from the end and by time, also where clocks went back", () => {
  const { file, board, setAge } = makeRun();
  // The seq of each event is its place in this list.
  for (const [n, hours] of [9, 8, 0, 7, 5, 4, 0].entries()) {
    setAge(hours * hour);
    board.spawnBrief({ briefId: `b${n + 1}`, tier: 1, role: "coder" });
  }
  board.failBrief("b5");
  board.failBrief("b6");
  const seqs = (...words: string[]) => {
    const text = printed("events", ...words, file, "--json").trimEnd();
    return text === "" ? [] : text.split("\n").map((line) => JSON.parse(line).seq);
  };
  expect(seqs("--tail", "2")).toEqual([8, 9]);
  expect(seqs("--tail", "100")).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(seqs("--tail", "0")).toEqual([]);
  expect(seqs("--kind", "spawned", "--tail", "2")).toEqual([6, 7]);
  expect(seqs("--kind", "spawned,failed", "--after", "7")).toEqual([8, 9]);
  expect(seqs("--kind", "failed", "--kind", "spawned", "--after", "6")).toEqual([7, 8, 9]);
  expect(seqs("--since", "270m", "--kind", "spawned")).toEqual([3, 6, 7]);
  expect(seqs("--until", "270m")).toEqual([1, 2, 4, 5]);
  expect(seqs("--since", "450m", "--until", "270m")).toEqual([4, 5]);
  expect(seqs("--until", "270m", "--tail", "2")).toEqual([4, 5]);
  expect(seqs("--since", new Date(Date.now() - 4.5 * hour).toISOString(), "--tail", "1", "--brief", "b5")).toEqual([8]);
  expect(seqs("--since", "0s")).toEqual([]);
});

test("events refuses times and kinds that it does not know", () => {
  const { file } = makeRun();
  expect(run(["events", file, "--since", "soon"]).stderr).toContain("--since: must be a number and a unit");
  expect(run(["events", file, "--kind", "failed,lost"])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("Allowed are spawned, completed, failed, escalated, retried"),
  });
  expect(run(["events", file, "--follow", "--until", "1h"]).code).toBe(2);
});

test("Ctrl-C ends events --follow while it prints a backlog", async () => {
  const { file, board } = makeRun();
  const briefs = Array.from({ length: 500 }, () => ({ tier: 1, role: "coder" }));
  for (let n = 0; n < 40; n++) board.spawnBriefs(briefs);
  const child = started("events", file, "--follow");
  let lines = 0;
  const ended = once(child, "exit");
  // Until its output is read, it waits for room in the pipe, which holds a small part of it.
  await once(child.stdout, "readable");
  child.kill("SIGINT");
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    lines += text.split("\n").length - 1;
  });
  expect(await ended).toEqual([0, null]);
  expect(lines).toBeLessThan(20_000);
});
