/**
 * The package's version.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export function version(): string {
  const manifest: unknown = JSON.parse(
    readFileSync(fileURLToPath(import.meta.resolve("run-blackboard/package.json")), "utf8"),
  );
  const isManifest = typeof manifest === "object" && manifest !== null && "version" in manifest;
  return isManifest ? String(manifest.version) : "unknown";
}
