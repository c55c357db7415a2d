/**
 * Makes `dist/`: the types by the compiler, a file for each of the sources; the code in a few, since node takes a third of a
 * millisecond and more for each file that it loads, and every short program and every command pays that.
 */
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { build } from "esbuild";
import manifest from "./package.json" with { type: "json" };

const entries = [...Object.values(manifest.exports), ...Object.values(manifest.bin)]
  .map((entry) => (typeof entry === "string" ? entry : entry.default))
  .filter((path) => path.endsWith(".js"))
  .map((path) => path.replace(/^\.\/dist\/(.*)\.js$/, "$1.ts"));

rmSync("dist", { recursive: true, force: true });
execFileSync("tsc", ["-p", "tsconfig.build.json"], { stdio: "inherit" });
await build({
  // The migrations by themselves, too, so that anybody can hold what was shipped against the folder.
  entryPoints: [...entries, "src/sqlite/migrations/embedded.sqlite.ts", "src/postgres/embedded.postgres.ts"],
  outdir: "dist",
  outbase: ".",
  bundle: true,
  // What entries share is there once: an error of one is an instance of the other's class.
  splitting: true,
  chunkNames: "shared/[hash]",
  packages: "external",
  format: "esm",
  platform: "node",
  target: "node20.19",
  sourcemap: true,
  sourcesContent: false,
  logLevel: "warning",
});
