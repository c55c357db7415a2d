/**
 * File system permissions. Where the tests run as root, which has every permission, the attempts run as another user.
 */
import { chmodSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { openBlackboard } from "run-blackboard";
import { expect, test } from "vitest";
import { temporaryFolder } from "./folder.ts";
import { startProgram } from "./spawn.ts";

interface Case {
  readonly what: string;
  /** The mode of the file; null if it is missing. */
  readonly file: number | null;
  readonly folder: number;
  readonly readonly?: boolean;
  readonly opened: string;
  /** The outcome of reading and of writing, if opening succeeded. */
  readonly read?: string;
  readonly written?: string;
}
const cannotOpen = "FileError CANNOT_OPEN";
const readOnly = "FileError READ_ONLY";

const cases: readonly Case[] = [
  { what: "a file that may not be read", file: 0, folder: 0o555, opened: cannotOpen },
  { what: "a file that may not be read, readonly", file: 0, folder: 0o555, readonly: true, opened: cannotOpen },
  { what: "a folder that may not be entered", file: 0o444, folder: 0, opened: cannotOpen },
  { what: "a folder that may not be entered, readonly", file: 0o444, folder: 0, readonly: true, opened: cannotOpen },
  { what: "a missing file in a folder that may not be written", file: null, folder: 0o555, opened: cannotOpen },
  { what: "a file in a folder that may not be written", file: 0o666, folder: 0o555, opened: readOnly },
  {
    what: "a file in a folder that may not be written, readonly",
    ...{ file: 0o666, folder: 0o555, readonly: true },
    ...{ opened: "ok", read: "ok", written: readOnly },
  },
  {
    what: "a file that may not be written",
    ...{ file: 0o444, folder: 0o777 },
    ...{ opened: "ok", read: "ok", written: readOnly },
  },
  {
    what: "a file that may not be written, readonly",
    ...{ file: 0o444, folder: 0o777, readonly: true },
    ...{ opened: "ok", read: "ok", written: readOnly },
  },
];

interface Answer {
  readonly opened: string;
  readonly read: string;
  readonly written: string;
}

/** Opens every case as an unprivileged user; returns the outcomes and whether the file is unchanged. */
async function tryAll(): Promise<(Answer & { what: string; untouched: boolean })[]> {
  const folder = temporaryFolder();
  const program = startProgram("as-nobody", []);
  await program.line("ready");
  const answers = [];
  for (const [index, { what, file, folder: rights, readonly = false }] of cases.entries()) {
    const root = join(folder, `${index}`);
    const board = openBlackboard({ runId: "r", root });
    board.createRun("forbid");
    board.close();
    const path = board.location;
    const bytes = readFileSync(path);
    if (file === null) rmSync(path);
    else chmodSync(path, file);
    chmodSync(dirname(path), rights);
    const answer: Answer = JSON.parse(await program.ask(JSON.stringify({ runId: "r", root, readonly })));
    chmodSync(dirname(path), 0o755);
    if (file !== null) chmodSync(path, 0o644);
    const untouched = file === null ? readdirSync(dirname(path)).length === 0 : readFileSync(path).equals(bytes);
    answers.push({ what, untouched, ...answer });
  }
  await program.finish();
  return answers;
}

// Runs once, in the first test that runs.
let trying: ReturnType<typeof tryAll> | undefined;

for (const { what, opened, read = "not tried", written = "not tried" } of cases) {
  const promise = opened === "ok" ? "read, but to write is READ_ONLY" : opened.split(" ").at(-1);
  test(`${what}: ${promise}, and it stays unchanged`, async () => {
    trying ??= tryAll();
    const answer = (await trying).find((one) => one.what === what);
    expect(answer).toMatchObject({ opened, read, written, untouched: true });
  });
}
