/** Runs the unmodified Python reference. Without python3 its tests are skipped with a message; in CI they fail. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type Running, start } from "../processes/spawn.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export const hasPython = spawnSync("python3", ["-c", "import sqlite3"]).status === 0;
if (!hasPython) {
  const message = "There is no python3 with sqlite3 here, so nothing was tried with the Python reference.";
  if (process.env.CI === "true") throw new Error(message);
  console.warn(message);
}

interface Reference {
  /** Calls a method of the reference's Blackboard and returns its result. */
  call(method: string, named?: Record<string, unknown>): Promise<unknown>;
  /** The same with arguments as JSON text, which may contain Python's NaN. */
  callWithText(method: string, named: string): Promise<unknown>;
  /** Writes `rounds` rounds as fast as possible: a brief, its event, a retry of the brief `counter`, a result. */
  write(rounds: number): Promise<unknown>;
  /** Closes it and expects no error. */
  close(): Promise<void>;
}

/** Opens `runs/<runId>/blackboard.db` below `folder` with the reference. */
export async function openReference(folder: string, runId: string): Promise<Reference> {
  const env = { ...process.env, PYTHONPATH: here("../fixtures/reference"), PYTHONDONTWRITEBYTECODE: "1" };
  const program: Running = start("python3", [here("programs/reference.py"), runId], { cwd: folder, env });
  await program.line("ready");
  const ask = async (question: string): Promise<unknown> => JSON.parse(await program.ask(question)).answer;
  const callWithText = (method: string, named: string) => ask(`{"call": "${method}", "with": ${named}}`);
  return {
    call: (method, named = {}) => callWithText(method, JSON.stringify(named)),
    callWithText,
    write: (rounds) => ask(JSON.stringify({ write: rounds })),
    close: async () => {
      await program.finish();
    },
  };
}
