/**
 * The Python reference as a peer: the unchanged module on its own file, in a separate process that times itself. It always
 * commits at FULL, so durability is equal to ours at FULL and higher than ours at NORMAL.
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

/** Returns no sides if Python is not installed. */
export async function reference(sites: Sites, operation: string): Promise<{ reference?: Side }> {
  if (!hasPython) return {};
  const folder = sites.newFile();
  mkdirSync(folder);
  const child = spawn("python3", [program, module, folder], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    const { value } = await lines.next();
    if (typeof value !== "string") throw new Error(`The reference ended without a result for ${operation}.`);
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
