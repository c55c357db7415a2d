/**
 * Tests the packed tarball as a new user installs it: `npm init -y`, the README's install command, its first program as pasted, and
 * programs with import and require, on every supported Node version, Bun and Deno. All of them come from npm. better-sqlite3 13 has
 * binaries for Node 22 and later. Node 20 needs version 12, for which this uses the project's own compiled copy, so that is tested
 * only if the project runs on Node 20; that it refuses version 13 is always tested.
 */
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { blocksOf } from "../test/documentation.ts";
import { pack, project } from "../test/package/installed.ts";

const newer = ["22.23.3", "24.21.0", "26.10.0"];
const oldest = "20.19.0";
const onOldest = process.versions.node.startsWith("20.");
/** Programs that run Node's modules, by their package for Linux on x64. */
const others = [
  { name: "Bun", package: "@oven/bun-linux-x64@1.4.5", program: "bin/bun", words: [] },
  {
    name: "Deno",
    package: "@deno/linux-x64-glibc@2.9.6",
    program: "deno",
    words: ["run", "-A", "--node-modules-dir=manual"],
  },
];
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

/** Downloads packages and extracts one program of each. */
function download(packages: readonly { package: string; program: string }[]): string[] {
  const folder = mkdtempSync(join(root, "programs-"));
  const names = packages.map((one) => one.package);
  const tarballs = npm(["pack", "--silent", ...names], folder)
    .trim()
    .split("\n");
  return packages.map(({ program }, index) => {
    const target = join(folder, String(index));
    mkdirSync(target);
    execFileSync("tar", ["-xzf", join(folder, tarballs[index] ?? ""), "-C", target, `package/${program}`]);
    const path = join(target, "package", program);
    chmodSync(path, 0o755);
    return path;
  });
}

const driverOf = (folder: string) => join(folder, "node_modules/better-sqlite3");
const versionOf = (folder: string) => JSON.parse(readFileSync(join(driverOf(folder), "package.json"), "utf8")).version;

const [first] = blocksOf("README.md").filter(({ language }) => language === "ts");
const [installing] = blocksOf("README.md").filter(({ language }) => language === "sh");
if (!first || !installing) throw new Error("README.md has no first program, or no command to install it");

/** Runs the README's first program. Bun prints objects on several lines. */
function tryFirst(program: string, words: readonly string[], folder: string): void {
  const printed = execFileSync(program, words, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  const plain = (text: string) => text.replace(/\s+/g, " ").replace(", }", " }").trim();
  if (plain(printed) !== plain(first?.prints ?? "")) throw new Error(`the first program printed ${printed}`);
  rmSync(join(folder, "runs"), { recursive: true });
}

function tryOn(name: string, program: string, words: readonly string[], folder: string): void {
  tryFirst(program, [...words, "first.mjs"], folder);
  const given = name.startsWith("Deno") ? ["import.mjs"] : Object.keys(programs);
  for (const file of given) execFileSync(program, [...words, file], { cwd: folder, stdio: "inherit" });
  console.log(`${name} with better-sqlite3 ${versionOf(folder)}: the first program, ${given.join(", ")} work.`);
}

/** What the README says of other names than first.mjs. */
function tryOtherNames(node: string, folder: string): void {
  npm(["pkg", "set", "type=module"], folder);
  for (const name of ["first.js", "first.ts"]) {
    writeFileSync(join(folder, name), first?.text ?? "");
    tryFirst(node, [name], folder);
  }
}

function tryRefusal(node: string, folder: string): void {
  const { status, stderr } = spawnSync(node, ["first.mjs"], { cwd: folder, encoding: "utf8" });
  const refusal = "DatabaseError: better-sqlite3 13.2.0 requires Node 22 or later";
  if (status !== 1 || !stderr.includes(refusal) || existsSync(join(folder, "runs"))) {
    throw new Error(`Node ${oldest} with better-sqlite3 13 ended with ${status}: ${stderr}`);
  }
  console.log(`Node ${oldest} with better-sqlite3 13: refused before it is loaded.`);
}

const tarball = pack();
const root = mkdtempSync(join(tmpdir(), "run-blackboard-nodes-"));
try {
  const user = join(root, "user");
  mkdirSync(user);
  npm(["init", "-y"], user);
  for (const [file, text] of Object.entries({ ...programs, "first.mjs": first.text }))
    writeFileSync(join(user, file), text);
  const asked = installing.text.trim().split(" ").slice(2);
  const versions: Record<string, string> = { "run-blackboard": tarball, "better-sqlite3": "better-sqlite3@13.2.0" };
  const packages = [...asked, "pg"].map((name) => versions[name] ?? `${name}@${devDependencies[name]}`);
  npm(["install", "--no-audit", "--no-fund", ...packages], user);

  const named = [...newer, oldest].map((version) => ({
    version,
    package: `node-${process.platform}-${process.arch}@${version}`,
    program: "bin/node",
  }));
  const nodes = download(named);
  for (const [index, version] of newer.entries()) tryOn(`Node ${version}`, nodes[index] ?? "", [], user);
  if (process.platform === "linux" && process.arch === "x64") {
    const paths = download(others);
    for (const [index, { name, words }] of others.entries()) tryOn(name, paths[index] ?? "", words, user);
  }
  const oldNode = nodes.at(-1) ?? "";
  tryRefusal(oldNode, user);
  if (onOldest) {
    const compiled = join(root, "compiled");
    cpSync(user, compiled, { recursive: true });
    rmSync(driverOf(compiled), { recursive: true });
    symlinkSync(driverOf(project), driverOf(compiled));
    tryOn(`Node ${oldest}`, oldNode, [], compiled);
  } else {
    console.log(`Node 20 was not tested: better-sqlite3 is compiled for Node ${process.versions.node} here.`);
  }
  tryOtherNames(nodes[0] ?? "", user);
} finally {
  rmSync(root, { recursive: true });
  rmSync(dirname(tarball), { recursive: true });
}
