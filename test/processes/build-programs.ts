/**
 * Bundles programs that run as separate processes: loading TypeScript costs each process a second, loading a bundle a
 * tenth of that.
 */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";

/** Contains a binary, so it is loaded from its package. */
const driver = createRequire(import.meta.url).resolve("better-sqlite3");

/**
 * Writes each program as `<name>.mjs` into `outdir`; `import … from "run-blackboard"` in it resolves to this source
 * tree.
 */
export function buildPrograms(programs: readonly URL[], outdir: string): void {
  buildSync({
    entryPoints: programs.map((program) => fileURLToPath(program)),
    entryNames: "[name]",
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    outdir,
    outExtension: { ".js": ".mjs" },
    tsconfig: fileURLToPath(new URL("../../tsconfig.json", import.meta.url)),
    alias: { "better-sqlite3": driver },
    external: [driver, "pg-native"],
    // CommonJS packages in the bundle call `require` for Node's modules.
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    logLevel: "warning",
  });
}
