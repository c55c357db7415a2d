/** A driver that cannot run on this Node: the error says what to install, and the process does not crash. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { expect, test } from "vitest";
import { temporaryFolder } from "./folder.ts";

const require = createRequire(import.meta.url);
const driver = dirname(require.resolve("better-sqlite3/package.json"));
const binary = "build/Release/better_sqlite3.node";

/** Runs a program in its own project after `change` was applied to its copy of better-sqlite3. */
function openWith(change: (driver: string) => void): string {
  const folder = temporaryFolder();
  const copy = join(folder, "node_modules/better-sqlite3");
  mkdirSync(join(copy, dirname(binary)), { recursive: true });
  for (const part of ["lib", "package.json", binary]) cpSync(join(driver, part), join(copy, part), { recursive: true });
  for (const name of ["bindings", "file-uri-to-path"]) {
    symlinkSync(join(dirname(driver), name), join(folder, "node_modules", name));
  }
  change(copy);
  const outfile = join(folder, "program.mjs");
  const program = fileURLToPath(new URL("programs/open-client.ts", import.meta.url));
  buildSync({
    ...{ entryPoints: [program], outfile, bundle: true, platform: "node", format: "esm", target: "node20" },
    external: ["better-sqlite3"],
  });
  return execFileSync(process.execPath, [outfile], { encoding: "utf8" }).trim();
}

function setManifest(copy: string, fields: object): void {
  const path = join(copy, "package.json");
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), ...fields }));
}

test("a driver that fits opens, even if its version cannot be read", () => {
  expect(openWith(() => undefined)).toBe("opened");
  const hidden = { exports: { ".": "./lib/index.js" } };
  expect(openWith((copy) => setManifest(copy, hidden))).toBe("opened");
});

test("a driver without a binary for this Node causes a DatabaseError that says how to install one", () => {
  const breakages: ((copy: string) => void)[] = [
    (copy) => rmSync(join(copy, "build"), { recursive: true }),
    (copy) => writeFileSync(join(copy, binary), "made for another system"),
  ];
  for (const change of breakages) {
    const { code, message, hasCause } = JSON.parse(openWith(change));
    expect({ code, hasCause }).toEqual({ code: "DATABASE", hasCause: true });
    expect(message).toContain("npm rebuild better-sqlite3");
    expect(message).toContain(process.version);
    expect(message).not.toContain("\n");
  }
});

test.skipIf(Number.parseInt(process.versions.node, 10) >= 22)(
  "a driver that would end the process on this Node causes a DatabaseError before it is loaded",
  () => {
    const { code, message } = JSON.parse(openWith((copy) => setManifest(copy, { version: "13.2.0" })));
    expect(code).toBe("DATABASE");
    expect(message).toMatch(/better-sqlite3 13\.2\.0 requires Node 22 .* Install better-sqlite3@12/);
  },
);
