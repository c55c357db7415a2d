/**
 * Kills this process after its n-th call of a node:fs function that modifies or opens a file, so that a test can stop it between
 * any two of these calls.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const counted =
  "openSync closeSync linkSync symlinkSync renameSync unlinkSync rmSync rmdirSync mkdirSync copyFileSync fsyncSync writeFileSync chmodSync truncateSync".split(
    " ",
  );

export function killAfterCall(n: number): void {
  let calls = 0;
  for (const name of counted) {
    const original: unknown = Reflect.get(fs, name);
    if (typeof original !== "function") continue;
    Reflect.set(fs, name, (...args: unknown[]): unknown => {
      const result: unknown = Reflect.apply(original, fs, args);
      calls++;
      if (calls === n) process.kill(process.pid, "SIGKILL");
      return result;
    });
  }
  syncBuiltinESMExports();
}
