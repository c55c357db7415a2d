/**
 * Opens a file or a page in the user's browser.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { InvalidInputError } from "../errors-and-types.ts";
import { messageOf } from "./output.ts";

/** The program of each system that opens what it is passed with the user's choice of a program; `BROWSER` names another one. */
function opener(): [command: string, ...words: string[]] {
  const { BROWSER } = process.env;
  if (BROWSER) return [BROWSER];
  if (process.platform === "darwin") return ["open"];
  return process.platform === "win32" ? ["cmd", "/c", "start", ""] : ["xdg-open"];
}

/**
 * Opens `target` and does not wait until the browser ends.
 * @throws InvalidInputError if there is no program to open it with.
 */
export async function openInBrowser(target: string): Promise<void> {
  const [command, ...words] = opener();
  const child = spawn(command, [...words, target], { stdio: "ignore", detached: true });
  try {
    await once(child, "spawn");
  } catch (cause) {
    const message = `cannot open ${target} with ${command}: ${messageOf(cause)}. Open it yourself, or set BROWSER`;
    throw new InvalidInputError([{ path: "--open", message }], { cause });
  }
  child.unref();
}
