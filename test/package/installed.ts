/** The package as a user installs it: packed, and unpacked into an empty project next to its dependencies. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const project = fileURLToPath(new URL("../..", import.meta.url));

/** What a user installs with it; compiling better-sqlite3 for each test would take minutes. */
const dependencies = [
  "better-sqlite3",
  "drizzle-orm",
  "uuidv7",
  "commander",
  "@types/better-sqlite3",
  "@types/node",
  "undici-types",
];

/** Packs the package, which builds it, and returns the tarball's path. */
export function pack(): string {
  const folder = mkdtempSync(join(tmpdir(), "run-blackboard-pack-"));
  execFileSync("npm", ["pack", "--silent", "--pack-destination", folder], {
    cwd: project,
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [tarball] = readdirSync(folder);
  if (tarball === undefined) throw new Error("npm pack made no tarball");
  return join(folder, tarball);
}

/** An empty ESM project with the tarball unpacked, and none of its dependencies. */
export function unpack(tarball: string): string {
  const folder = mkdtempSync(join(tmpdir(), "run-blackboard-user-"));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
  const target = join(folder, "node_modules/run-blackboard");
  mkdirSync(target, { recursive: true });
  execFileSync("tar", ["-xzf", tarball, "-C", target, "--strip-components=1"]);
  return folder;
}

/** An empty ESM project with the tarball installed. */
export function install(tarball: string): string {
  const folder = unpack(tarball);
  for (const name of dependencies) {
    const link = join(folder, "node_modules", name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(project, "node_modules", name), link);
  }
  return folder;
}

/** Runs a user's program and returns its output. */
export function run(folder: string, file: string, text: string, cwd = folder): string {
  const path = join(folder, file);
  writeFileSync(path, text);
  return execFileSync(process.execPath, [path], { cwd, encoding: "utf8" });
}
