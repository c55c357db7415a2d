/**
 * Kills this process right after its n-th call of a function of node:fs that changes or opens something, so that every moment
 * between two of them is met.
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
