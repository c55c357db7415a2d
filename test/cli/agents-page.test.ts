/** docs/agents.md and the skill file are true: their commands run and print what the page says, and every tool is named. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { expect, onTestFinished, test } from "vitest";
import { blocksOf, readPage } from "../documentation.ts";
import { project } from "../package/installed.ts";
import { temporaryFolder } from "../processes/folder.ts";
import { act } from "./acting.ts";
import { commandFile } from "./command.ts";

/** Runs a line of a shell in which `npx run-blackboard` is this source tree's command. */
function shellIn(folder: string) {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "npx"), `#!/bin/sh\nshift\nexec "${process.execPath}" "${commandFile()}" "$@"\n`);
  chmodSync(join(bin, "npx"), 0o755);
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` };
  return (line: string) => spawnSync("bash", ["-c", `exec 2>&1; ${line}`], { cwd: folder, encoding: "utf8", env });
}

test("the sessions print what the page says", () => {
  const shell = shellIn(temporaryFolder());
  const sessions = blocksOf("docs/agents.md").filter(({ text }) => text.startsWith("$ "));
  expect(sessions).toHaveLength(2);
  for (const { text } of sessions) {
    const [, ...parts] = text.split(/^\$ (.*)\n/m);
    for (let n = 0; n < parts.length; n += 2) expect(shell(parts[n] ?? "").stdout, parts[n]).toBe(parts[n + 1]);
  }
});

test("the skill file's commands run in the order in which an agent calls them", () => {
  const shell = shellIn(temporaryFolder());
  const page = readFileSync(join(project, "docs/agents/SKILL.md"), "utf8");
  const lines = [...page.matchAll(/^ *(npx run-blackboard (\w+) .*)$/gm)].map(([, line = "", name = ""]) => ({
    line,
    name,
  }));
  expect(lines.map(({ name }) => name)).toEqual([
    ...["claim", "renew", "complete", "fail", "escalate", "release"],
    ...["spawn", "spawn", "wait"],
  ]);
  shell("npx run-blackboard create RUN --goal g");
  const claim = lines[0]?.line ?? "";
  const claimed = (line: string) => {
    expect(shell("npx run-blackboard spawn RUN --role ROLE").status).toBe(0);
    expect(shell(claim)).toMatchObject({ status: 0 });
    expect(shell(line), line).toMatchObject({ status: 0 });
  };
  for (const { name, line } of lines.slice(1)) {
    if (name === "spawn") expect(shell(line), line).toMatchObject({ status: 0 });
    else if (name === "wait") expect(shell(line.replace("10m", "1s")), line).toMatchObject({ status: 6 });
    else claimed(line);
  }
  expect(shell("npx run-blackboard claim RUN --agent x --lease 1m --role none").status).toBe(4);
});

test("the page names every tool, every option of the commands, and no other", async () => {
  const page = readPage("docs/agents.md");
  const client = new Client({ name: "test", version: "1" });
  await client.connect(
    new StdioClientTransport({ command: process.execPath, args: [commandFile(), "mcp", "--root", temporaryFolder()] }),
  );
  onTestFinished(() => client.close());
  const { tools } = await client.listTools();
  const table = page.slice(page.indexOf("## MCP"), page.indexOf("## A skill file"));
  const named = [...table.matchAll(/^\|(.*)\|.*\|$/gm)].flatMap(([, cell = ""]) => [...cell.matchAll(/`(\w+)`/g)]);
  expect(named.map(([, name]) => name).sort()).toEqual(tools.map(({ name }) => name).sort());

  const rows = [...page.matchAll(/^\| (`\w+ RUN.*?) \|/gm)].map(([, cell = ""]) => cell);
  const everywhere = ["--run", "--root", "--postgres", "--schema", "--json", "--help", "--version", "--claim"];
  for (const name of ["create", "workstream", "spawn", "claim", "renew", "complete", "log", "wait"]) {
    const own = rows.filter((row) => row.includes(`\`${name} RUN`)).flatMap((row) => row.match(/--[a-z-]+/g) ?? []);
    const options = [...act([name, "--help"]).stdout.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(
      ([, option = ""]) => option,
    );
    expect(own.sort(), name).toEqual(options.filter((option) => !everywhere.includes(option)).sort());
  }
});
