/** Command-line usage and its errors. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import { planHere, survey, write } from "./survey.ts";

describe("usage errors", () => {
  it.each([
    ["a missing folder", ["nowhere"], "Cannot survey nowhere: ENOENT: no such file or directory\n"],
    ["a file", ["file.txt"], "Cannot survey file.txt: ENOTDIR: not a directory\n"],
    ["an empty name", [""], "Cannot survey : ENOENT: no such file or directory\n"],
    ["the folder of the blackboards", ["runs/x"], "Cannot survey runs/x: the blackboards lie there\n"],
    ["a run id that would lead elsewhere", ["--run", "../x"], /^Invalid input\. runId: .*\n$/],
    ["an unknown option", ["--colour"], /^Unknown option '--colour'.*\n\nUsage: npm start -- \[FOLDER\]/],
    ["two folders", [".", "."], /^One folder at a time\.\n\nUsage: /],
    ["a run without its id", ["--run"], /^Option '--run <value>' argument missing\n\nUsage: /],
    ["no workers", ["--workers", "0"], /^--workers must be a whole number from 1, got 0\.\n\nUsage: /],
    ["an invalid address", ["--postgres", ""], /^Invalid input\. connection: must be a connection string.*\n$/],
  ])("%s: one clear line, exit code 1, nothing written", async (_, args, message) => {
    const cwd = write(temporaryFolder(), { "file.txt": "", "runs/x/": "" });
    const { code, lines, stderr } = await survey(cwd, ...args);
    expect({ code, lines }).toEqual({ code: 1, lines: [] });
    if (typeof message === "string") expect(stderr).toBe(message);
    else expect(stderr).toMatch(message);
    expect(readdirSync(join(cwd, "runs"))).toEqual(["x"]);
  });

  it("--help prints the usage", async () => {
    const cwd = temporaryFolder();
    const { code, lines } = await survey(cwd, "--help");
    const first = "Usage: npm start -- [FOLDER] [--run ID] [--workers N] [--chaos] [--postgres URL]";
    expect({ code, first: lines[0] }).toEqual({ code: 0, first });
    expect(existsSync(join(cwd, "runs"))).toBe(false);
  });

  it("--run with a different goal exits with an error that names the goal", async () => {
    const cwd = temporaryFolder();
    const [one, other] = [temporaryFolder(), temporaryFolder()];
    await planHere(cwd, "taken", one);
    const { code, stderr, lines } = await survey(cwd, other, "--run", "taken");
    expect({ code, lines }).toEqual({ code: 1, lines: [] });
    expect(stderr).toBe(`Run taken exists already, with another goal: Survey ${one}\n`);
  });
});
