import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** A folder per test, removed after the test. It is readable by all users, so that tests can run as different users. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "run-blackboard-"));
  chmodSync(folder, 0o755);
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
