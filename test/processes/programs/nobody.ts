/**
 * Makes a program that root started run as an unprivileged user; other users already lack the permissions in question.
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
