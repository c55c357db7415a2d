/**
 * Builds `dist/`: one .d.ts per source file, and the code bundled into a few files, because Node takes at least a third of a
 * millisecond to load each file, which adds up in short programs and commands.
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
  // The migrations are also separate files, so that the published ones can be compared with the folder.
  entryPoints: [...entries, "src/sqlite/migrations/embedded.sqlite.ts", "src/postgres/embedded.postgres.ts"],
  outdir: "dist",
  outbase: ".",
  bundle: true,
  // Shared code is bundled once, so that an error from one entry is an instance of the class exported by another.
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
