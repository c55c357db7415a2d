/** Exit codes: 2 for every bad value, 1 for what the system refuses; and no stack trace where output can't be written. */
import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openBlackboard } from "run-blackboard";
import { expect, test } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import { commandFile, run } from "./command.ts";

function makeRun() {
  const root = temporaryFolder();
  using board = openBlackboard({ runId: "r", root });
  board.createRun("a goal");
  board.createBrief({ briefId: "b", tier: 1, role: "coder" });
  return { root, file: board.location };
}

test("a bad value is a usage error, whichever option or argument it is", () => {
  const { root, file } = makeRun();
  const bad = [
    ["prune", "--older-than", "soon"],
    ["retry", file, "b", "--delay", "5 minutes"],
    ["retry", file, ""],
    ["brief", file, ""],
    ["briefs", file, "--limit", "-1"],
    ["briefs", file, "--tier", "99999999999"],
    ["summary", ""],
    ["summary", "r", "--schema", "s"],
    ["copy", file],
    ["status", "r", "--all"],
    ["status", `x${"y".repeat(300)}`],
    ["import", "/dev/null", "--run", "a/b"],
    ["runs", "--postgres", "not a connection string"],
  ];
  for (const words of bad) {
    const { code, stdout, stderr } = run(
      words.includes("--postgres") || words[1] === file ? words : [...words, "--root", root],
    );
    expect({ words, code, stdout }).toEqual({ words, code: 2, stdout: "" });
    expect(stderr).not.toMatch(/^ +at /m);
  }
}, 300_000);

test("what the system refuses and what a file contains are errors, not usage errors", () => {
  const { root } = makeRun();
  const text = join(root, "text.jsonl");
  writeFileSync(text, "{}\n");
  expect(run(["import", text, "--root", root]).code).toBe(1);
  expect(run(["import", join(root, "none.jsonl"), "--root", root]).code).toBe(1);
});

test.skipIf(!existsSync("/dev/full")).each(["", "--json"])(
  "a full device is an error without a stack trace %s",
  (json) => {
    const { file } = makeRun();
    const words = ["briefs", file, ...(json === "" ? [] : [json])];
    const command = [process.execPath, commandFile(), ...words];
    const { status, stderr } = spawnSync("bash", ["-c", 'exec "$@" > /dev/full', "", ...command], { encoding: "utf8" });
    expect(status).toBe(1);
    if (json === "") expect(stderr).toMatch(/^The output cannot be written: .*no space left on device.*\n$/);
    else expect(JSON.parse(stderr)).toMatchObject({ error: { code: "DISK_FULL" } });
    const both = spawnSync("bash", ["-c", 'exec "$@" > /dev/full 2> /dev/full', "", ...command], { encoding: "utf8" });
    expect(both.status).toBe(1);
  },
);
