/**
 * Tests the packed tarball in an empty project on every supported Node version, by import and by require. Node itself comes from
 * npm. better-sqlite3 13 has binaries for Node 22 and later. Node 20 needs version 12, for which this uses the project's own
 * compiled copy, so it is tested only if the project runs on Node 20.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pack, project } from "../test/package/installed.ts";

const newer = ["22.23.3", "24.21.0", "26.10.0"];
const oldest = "20.19.0";
const { devDependencies, engines } = JSON.parse(readFileSync(join(project, "package.json"), "utf8"));
if (engines.node !== ">=20.19")
  throw new Error(`engines.node is ${engines.node}: update the oldest version tested here`);

const work = `
  const assert = require("node:assert");
  const board = openBlackboard({ runId: "first", file: ":memory:" });
  board.createRun("try every Node");
  assert.throws(() => board.transaction((tx) => {
    tx.createBrief({ briefId: "undone", tier: 0, role: "coder" });
    throw new Error("undo");
  }), /undo/);
  board.transaction((tx) => {
    tx.createBrief({ briefId: "done", tier: 0, role: "coder", payload: { n: 1 } });
    tx.logEvent("spawned", { briefId: "done" });
  });
  const { briefs, events, lastSeq } = board.getRunSummary();
  assert.deepStrictEqual([briefs.pending, events.spawned, lastSeq, board.getBrief("undone")], [1, 1, 1, undefined]);
  assert.strictEqual(board.drizzle.select().from(schema.briefs).all()[0].payload.n, 1);
  assert.throws(() => board.createRun(""), InvalidInputError);
  board.close();
  assert.strictEqual(typeof openPostgresBlackboard, "function");
`;
const programs = {
  "import.mjs": `
    import { createRequire } from "node:module";
    import { InvalidInputError, openBlackboard } from "run-blackboard";
    import * as schema from "run-blackboard/schema";
    import { openPostgresBlackboard } from "run-blackboard/postgres";
    const require = createRequire(import.meta.url);
    ${work}`,
  "require.cjs": `
    const { InvalidInputError, openBlackboard } = require("run-blackboard");
    const schema = require("run-blackboard/schema");
    const { openPostgresBlackboard } = require("run-blackboard/postgres");
    ${work}`,
};

const npm = (words: readonly string[], cwd: string) =>
  execFileSync("npm", [...words, "--prefer-offline", "--loglevel", "error"], { cwd, encoding: "utf8" });

/** Downloads the packages that npm's package "node" would install, and extracts only the program. */
function download(versions: readonly string[]): Map<string, string> {
  const folder = join(root, "nodes");
  mkdirSync(folder);
  const packages = versions.map((version) => `node-${process.platform}-${process.arch}@${version}`);
  const tarballs = npm(["pack", "--silent", ...packages], folder)
    .trim()
    .split("\n");
  const programs = versions.map((version, index): [string, string] => {
    const target = join(folder, version);
    mkdirSync(target);
    const words = ["-xzf", join(folder, tarballs[index] ?? ""), "-C", target, "package/bin/node"];
    execFileSync("tar", words);
    return [version, join(target, "package/bin/node")];
  });
  return new Map(programs);
}

function tryOn(version: string, node: string, folder: string): void {
  for (const file of Object.keys(programs)) execFileSync(node, [file], { cwd: folder, stdio: "inherit" });
  const manifest = readFileSync(join(folder, "node_modules/better-sqlite3/package.json"), "utf8");
  console.log(`Node ${version} with better-sqlite3 ${JSON.parse(manifest).version}: import, require and writes work.`);
}

const tarball = pack();
const root = mkdtempSync(join(tmpdir(), "run-blackboard-nodes-"));
try {
  const onOldest = process.versions.node.startsWith("20.");
  const nodes = download(onOldest ? [...newer, oldest] : newer);
  const user = join(root, "user");
  mkdirSync(user);
  writeFileSync(join(user, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
  for (const [file, text] of Object.entries(programs)) writeFileSync(join(user, file), text);
  const beside = ["drizzle-orm", "pg"].map((name) => `${name}@${devDependencies[name]}`);
  npm(["install", "--no-audit", "--no-fund", tarball, "better-sqlite3@13.2.0", ...beside], user);
  for (const [version, node] of nodes) {
    if (version === oldest) {
      const driver = join(user, "node_modules/better-sqlite3");
      rmSync(driver, { recursive: true });
      symlinkSync(join(project, "node_modules/better-sqlite3"), driver);
    }
    tryOn(version, node, user);
  }
  if (!onOldest)
    console.log(`Node 20 was not tested: better-sqlite3 is compiled for Node ${process.versions.node} here.`);
} finally {
  rmSync(root, { recursive: true });
  rmSync(dirname(tarball), { recursive: true });
}
