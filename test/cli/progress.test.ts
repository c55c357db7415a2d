/** Progress of long commands: on a terminal only, on stderr, in readable units, and gone when they end. */
import { spawnSync } from "node:child_process";
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openBlackboard } from "run-blackboard";
import { expect, test } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import { commandFile, printed } from "./command.ts";

const folder = () => {
  const root = temporaryFolder();
  using board = openBlackboard({ runId: "r", root, synchronous: "normal" });
  board.createRun("a goal");
  for (let n = 0; n < 30; n++) board.createBrief({ tier: 1, role: "coder", payload: { text: "x".repeat(50_000) } });
  return root;
};

/** What a terminal gets of a command, with stdout in a file where `stdout` names one. */
function inTerminal(words: string, stdout = ""): string {
  const command = `"${process.execPath}" "${commandFile()}" ${words}`;
  const line = `stty cols 100 rows 24; ${command}${stdout === "" ? "" : ` > "${stdout}"`}`;
  const ended = spawnSync("script", ["-qec", line, "/dev/null"], { encoding: "utf8", input: "" });
  return ended.stdout;
}

const erased = "\r\u001b[K";

test("export and import show how far they are, and leave only their result", () => {
  const root = folder();
  const [file, piped, to] = [join(root, "r.jsonl"), join(root, "piped.jsonl"), join(root, "imported")];
  const out = inTerminal(`export r --root "${root}" -o "${file}"`);
  expect(out).toMatch(/Exporting r: [\d.]+ (?:B|kB|MB)/);
  expect(out.slice(out.lastIndexOf(erased) + erased.length)).toMatch(/^\S+r\.jsonl, 1\.5\d MB\r\n$/);
  expect(inTerminal(`export r --root "${root}"`, piped)).toContain("Exporting r: ");
  expect(readFileSync(piped, "utf8")).toBe(readFileSync(file, "utf8"));
  const into = inTerminal(`import "${file}" --root "${to}"`);
  expect(into).toMatch(/Importing \S+r\.jsonl: [\d.]+ (?:B|kB|MB) of 1\.5\d MB, \d+ %/);
  expect(into.slice(into.lastIndexOf(erased))).toContain("30 briefs");
  expect(inTerminal(`copy r --root "${root}" --to-run r2`)).toContain("Copying r: ");
});

test("migrate names the file, what is pending, and the size", () => {
  const file = join(temporaryFolder(), "old.db");
  copyFileSync(new URL("../fixtures/python/webhook.db", import.meta.url), file);
  const out = inTerminal(`migrate "${file}"`);
  expect(out).toMatch(/Migrating \S+old\.db: \d+ migrations, \d+ kB/);
  expect(out.slice(out.lastIndexOf(erased))).toContain("current");
});

test("nothing of it is in a pipe or a file", () => {
  const root = folder();
  // `printed` fails for any text on stderr.
  const text = printed("export", "r", "--root", root);
  expect(text).not.toContain("Exporting");
});
