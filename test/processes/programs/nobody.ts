/**
 * How a program that root started becomes one that may do nothing; everybody else may not do everything anyway.
 */
import { openBlackboard } from "run-blackboard";

export function becomeNobody(): void {
  // Loads the driver while that is still allowed.
  openBlackboard({ runId: "nobody", file: ":memory:" }).close();
  const nobody = 65534;
  if (process.getuid?.() !== 0) return;
  process.setgroups?.([]);
  process.setgid?.(nobody);
  process.setuid?.(nobody);
}
