import { codeOf } from "../../foreign.ts";

/** Whether a process of this machine still runs. */
export function isProcessAlive(pid: number): boolean {
  try {
    // Signal 0 only checks.
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) !== "ESRCH";
  }
}
