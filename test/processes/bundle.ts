/**
 * Programs for processes of their own, bundled first: to load TypeScript costs each of the many processes a second, to load
 * the bundle a tenth of it.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { afterAll } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "run-blackboard-programs-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Has a binary beside it, so it is loaded from where it lies. */
const driver = createRequire(import.meta.url).resolve("better-sqlite3");
const bundles = new Map<string, string>();

/**
 * The path of a program that needs no loader; `import … from "run-blackboard"` in it means this source tree. Programs that it
 * starts itself, from its own folder, come to lie beside it.
 */
export function bundled(program: URL, ...startedByIt: URL[]): string {
  const known = bundles.get(program.href);
  if (known !== undefined) return known;
  const outdir = join(folder, String(bundles.size));
  buildSync({
    entryPoints: [program, ...startedByIt].map((entry) => fileURLToPath(entry)),
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    outdir,
    outExtension: { ".js": ".mjs" },
    tsconfig: fileURLToPath(new URL("../../tsconfig.json", import.meta.url)),
    alias: { "better-sqlite3": driver },
    external: [driver, "pg-native"],
    // For what CommonJS packages ask Node for.
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    logLevel: "warning",
  });
  const path = join(outdir, `${basename(program.pathname, ".ts")}.mjs`);
  bundles.set(program.href, path);
  return path;
}
