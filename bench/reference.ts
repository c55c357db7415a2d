/**
 * The Python reference as a peer: the module itself, in a process of its own that times itself, on a file of its own. It
 * commits at FULL, as it always does, so beside ours at FULL it is equal durability, beside ours at NORMAL it is as it is.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Sites } from "./sites.ts";
import type { Side } from "./subject.ts";

const program = fileURLToPath(new URL("reference.py", import.meta.url));
const module = fileURLToPath(new URL("../test/fixtures/reference/blackboard.py", import.meta.url));
const hasPython = spawnSync("python3", ["--version"]).status === 0;

/** Nothing where there is no Python. */
export async function reference(sites: Sites, operation: string): Promise<{ reference?: Side }> {
  if (!hasPython) return {};
  const folder = sites.newFile();
  mkdirSync(folder);
  const child = spawn("python3", [program, module, folder], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    const { value } = await lines.next();
    if (typeof value !== "string") throw new Error(`The reference ended without an answer to ${operation}.`);
    return value;
  };
  await answer();
  sites.closeLater({ close: () => child.stdin.end() });
  return {
    reference: {
      async timeMs(calls) {
        child.stdin.write(`${operation} ${calls}\n`);
        return Number(await answer());
      },
    },
  };
}
