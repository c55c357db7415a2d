/**
 * The package's version.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** "unknown" in a bundle elsewhere, which has no package. */
export function version(): string {
  try {
    const path = fileURLToPath(import.meta.resolve("run-blackboard/package.json"));
    const manifest: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof manifest === "object" && manifest !== null && "version" in manifest) return String(manifest.version);
  } catch {}
  return "unknown";
}
