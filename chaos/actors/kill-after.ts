/** Kills this process right after its n-th call of a function of node:fs, so that every moment between two of them is met. */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

export function killAfterCall(n: number): void {
  let calls = 0;
  for (const [name, original] of Object.entries(fs)) {
    if (typeof original !== "function" || !name.endsWith("Sync")) continue;
    Reflect.set(fs, name, (...args: unknown[]): unknown => {
      const result: unknown = Reflect.apply(original, fs, args);
      calls++;
      if (calls === n) process.kill(process.pid, "SIGKILL");
      return result;
    });
  }
  syncBuiltinESMExports();
}
