/**
 * Checks the packed tarball with publint and arethetypeswrong, and that it contains no unexpected files.
 */
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { pack, project } from "../test/package/installed.ts";

const tarball = pack();
try {
  const run = (command: string, ...words: string[]) =>
    execFileSync(`node_modules/.bin/${command}`, words, { cwd: project, stdio: "inherit" });
  run("publint", "--strict", tarball);
  run("attw", "--profile", "esm-only", tarball);
  const files = execFileSync("tar", ["-tzf", tarball], { encoding: "utf8" }).trim().split("\n");
  const strange = files.filter(
    (file) =>
      !/^package\/(dist|src|drizzle|docs|examples\/recipes|migrations\/(sqlite|postgres)|bench\/results)\/|^package\/((migrations|bench)\/README\.md|[^/]+)$/.test(
        file,
      ),
  );
  if (strange.length > 0) throw new Error(`unexpected files in the tarball: ${strange.join(", ")}`);
  console.log(`${files.length} files in the tarball.`);
} finally {
  rmSync(dirname(tarball), { recursive: true });
}
