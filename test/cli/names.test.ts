/** How runs, briefs, workstreams and roles are named, what is said about unknown ones, and where runs are looked for. */
import { spawnSync } from "node:child_process";
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openBlackboard } from "run-blackboard";
import { expect, test } from "vitest";
import { project } from "../package/installed.ts";
import { temporaryFolder } from "../processes/folder.ts";
import { commandFile, printed, run } from "./command.ts";

function makeRoot(): { folder: string; root: string } {
  const folder = temporaryFolder();
  const root = join(folder, "runs");
  for (const runId of ["webhooks", "mailer"]) {
    using board = openBlackboard({ runId, root, synchronous: "normal" });
    board.createRun(`the goal of ${runId}`);
    board.createWorkstream({ workstreamId: "api", name: "API", tier: 1 });
    board.spawnBrief({ briefId: "write/0", tier: 1, role: "coder", workstreamId: "api" });
    board.spawnBrief({ briefId: "write/1", tier: 1, role: "tester" });
  }
  return { folder, root };
}

test("a misspelt run, brief, workstream or role is an error with a suggestion", () => {
  const { root } = makeRoot();
  const errorOf = (...words: string[]) => {
    const { code, stdout, stderr } = run([...words, "--root", root]);
    // What is missing is an error; a value that no brief has is a bad value.
    const expected = words[2] === "--role" ? 2 : 1;
    expect({ words, code, stdout }).toEqual({ words, code: expected, stdout: "" });
    return stderr;
  };
  expect(errorOf("summary", "webhoks")).toMatch(/^There is no run "webhoks" under .*Did you mean "webhooks"\?\n$/);
  expect(errorOf("status", "mialer")).toMatch(/Did you mean "mailer"\?\n$/);
  expect(errorOf("brief", "webhooks", "Write/1")).toBe(
    'Run "webhooks" has no brief "Write/1". Did you mean "write/1" or "write/0"?\n',
  );
  expect(errorOf("fail", "webhooks", "wirte/0")).toMatch(/Did you mean "write\/0"/);
  expect(errorOf("briefs", "webhooks", "--workstream", "apo")).toContain('no workstream "apo"');
  expect(errorOf("briefs", "webhooks", "--role", "codr")).toMatch(
    /no brief has the role "codr"\. Did you mean "coder"\?\n$/,
  );
  expect(errorOf("briefs", "webhooks", "--role", "coder,none")).toMatch(/Its roles are "coder", "tester"\.\n$/);
  expect(errorOf("summary", join(root, "webhooks"), "--run", "mailer")).toMatch(
    /^There is no run "mailer" in .*Its runs are "webhooks"\.\n$/,
  );
});

test("a run is named by its folder's path, from wherever, or by a part of its name", () => {
  const { folder, root } = makeRoot();
  const idOf = (words: string[], cwd?: string) => {
    const { stdout, stderr } = run(["summary", ...words, "--json"], { cwd: cwd ?? folder });
    return stderr === "" ? JSON.parse(stdout).runId : stderr;
  };
  expect(idOf(["runs/webhooks"])).toBe("webhooks");
  expect(idOf(["runs/webhooks/"])).toBe("webhooks");
  expect(idOf(["."], join(root, "mailer"))).toBe("mailer");
  expect(idOf(["./mailer"], root)).toBe("mailer");
  expect(idOf(["webh"])).toBe("webhooks");
  expect(run(["summary", "mailer"], { cwd: root }).stderr).toContain('Did you mean "./mailer"?');
  expect(run(["status", "runs/webhooks"], { cwd: folder }).stdout).toContain("current");
  const copy = join(folder, "copy.db");
  expect(run(["backup", "runs/mailer", copy], { cwd: folder }).code).toBe(0);
  expect(run(["restore", copy, "runs/mailer", "--force"], { cwd: folder }).code).toBe(0);
});

test("RUN_BLACKBOARD_ROOT replaces the default root; --root and a path go before it", () => {
  const { folder, root } = makeRoot();
  const env = { RUN_BLACKBOARD_ROOT: root };
  expect(run(["runs"], { env, cwd: "/" }).stdout).toContain("the goal of mailer");
  expect(run(["briefs", "mailer", "--limit", "1"], { env, cwd: "/" }).stdout).toContain("write/0");
  const elsewhere = run(["runs", "--root", folder], { env });
  expect(elsewhere.stdout).toContain("No runs under");
  const both = { ...env, RUN_BLACKBOARD_POSTGRES: "postgresql://nobody@127.0.0.1:1/none" };
  expect(run(["summary", join(root, "mailer")], { env: both }).code).toBe(0);
  expect(run(["summary", "mailer", "--root", root], { env: both }).code).toBe(0);
  expect(run(["summary", "mailer"], { env: both })).toMatchObject({ code: 1, stdout: "" });
});

test("--version prints the package's version", () => {
  const { version } = JSON.parse(readFileSync(join(project, "package.json"), "utf8"));
  expect(printed("--version")).toBe(`${version}\n`);
});

test.each([
  { words: ["summary", "empty.db"], says: /empty\.db has no run yet\.$/ },
  { words: ["summary", "empty.db", "--run", "r"], says: /It has no run yet\.$/ },
  { words: ["brief", "mailer", "nothing"], says: /^Run "mailer" has no brief "nothing"\.$/ },
  { words: ["fail", "old.db", "webhook-handler"], says: /Apply them with run-blackboard migrate\.$/ },
  { words: ["retry", "mailer", "write/0", "--delay", "9999999w"], says: /--delay: / },
  { words: ["restore", "old.db", "mailer"], says: /--force: is needed to replace / },
  { words: ["migrate", "nowhere"], says: /^There is no run "nowhere" / },
  { words: ["runs", "--postgres", "nonsense"], says: /--postgres: must be a connection string / },
])("messages name what can be typed, not the package's functions and options: $words", ({ words, says }) => {
  const { folder } = makeRoot();
  openBlackboard({ runId: "r", file: join(folder, "empty.db") }).close();
  copyFileSync(join(project, "test/fixtures/python/webhook.db"), join(folder, "old.db"));
  const { code, stderr } = run(words, { cwd: folder });
  const isBadValue = words.some((word) => ["--delay", "--postgres", "restore"].includes(word));
  expect(code).toBe(isBadValue ? 2 : 1);
  expect(stderr).not.toMatch(
    /createRun|`|\bPool\b|runId|olderThanMs|delayMs|create: true|migrate: "auto"|must be true/,
  );
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(stderr.trimEnd()).toMatch(says);
});

test("numbers and nouns agree", () => {
  const { root } = makeRoot();
  const file = join(root, "mailer");
  expect(printed("tree", file)).toContain("of 2 briefs, 0 failed");
  expect(printed("brief", file, "write/0")).toContain("\n1 event\n");
  expect(printed("fail", file, "write/0")).toBe("write/0  failed\n");
  expect(printed("retry", file, "--failed")).toContain("1 brief changed");
  expect(printed("brief", file, "write/0")).toMatch(/attempts +0 claims, 1 retry\n/);
});

test("a shell completes commands, options, runs, briefs and roles", () => {
  const { root } = makeRoot();
  const long = "01a22414-a087-7086-8675-68f9563e2573";
  {
    using board = openBlackboard({ runId: "mailer", root });
    board.spawnBrief({ briefId: long, tier: 1, role: "coder" });
  }
  const env = { RUN_BLACKBOARD_ROOT: root };
  const offered = (...words: string[]) => {
    const { code, stdout, stderr } = run(["__complete", "--", ...words], { env, cwd: "/" });
    expect({ words, code, stderr }).toEqual({ words, code: 0, stderr: "" });
    return stdout.trimEnd().split("\n");
  };
  expect(offered("bri")).toEqual(["briefs", "brief"]);
  expect(offered("briefs", "")).toEqual(["mailer", "webhooks"]);
  expect(offered("brief", "mailer", "")).toEqual(["write/0", "write/1", "563e2573"]);
  expect(offered("retry", "mailer", "write/0", "write/")).toEqual(["write/0", "write/1"]);
  expect(offered("brief", "mailer", "01a2")).toEqual([long]);
  expect(offered("briefs", "mailer", "--status", "done,f")).toEqual(["done,failed"]);
  expect(offered("briefs", "mailer", "--role", "")).toEqual(["coder", "tester"]);
  expect(offered("briefs", "mailer", "--work")).toEqual(["--workstream"]);
  expect(offered("briefs", "mailer", "--workstream", "a")).toEqual(["api"]);
  expect(offered("brief", "nowhere", "x")).toEqual([""]);
});

test("the bash script offers what the command says, quoted", () => {
  const { root } = makeRoot();
  {
    using board = openBlackboard({ runId: "mailer", root });
    board.spawnBrief({ briefId: "write $(two)", tier: 1, role: "coder" });
  }
  const script = printed("completion", "bash");
  const test = `run-blackboard() { "${process.execPath}" "${commandFile()}" "$@"; }
${script}
COMP_WORDS=(run-blackboard brief mailer wri); COMP_CWORD=3; _run_blackboard; printf '%s\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync("bash", ["-c", test], {
    encoding: "utf8",
    env: { ...process.env, RUN_BLACKBOARD_ROOT: root },
  });
  expect(stderr).toBe("");
  expect(stdout.trimEnd().split("\n").sort()).toEqual(["write/0", "write/1", "write\\ \\$\\(two\\)"].sort());
  for (const shell of ["zsh", "fish"]) expect(printed("completion", shell)).toContain("__complete --");
});
