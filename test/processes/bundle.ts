/** Programs that tests start, each bundled once. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll } from "vitest";
import { buildPrograms } from "./build-programs.ts";

const folder = mkdtempSync(join(tmpdir(), "run-blackboard-programs-"));
afterAll(() => rmSync(folder, { recursive: true }));

const bundles = new Map<string, string>();

/**
 * The path of a program that needs no loader; `import … from "run-blackboard"` in it resolves to this source tree.
 * Programs that it starts from its own folder are bundled next to it.
 */
export function bundled(program: URL, ...startedByIt: URL[]): string {
  const known = bundles.get(program.href);
  if (known !== undefined) return known;
  const outdir = join(folder, String(bundles.size));
  buildPrograms([program, ...startedByIt], outdir);
  const path = join(outdir, `${basename(program.pathname, ".ts")}.mjs`);
  bundles.set(program.href, path);
  return path;
}
