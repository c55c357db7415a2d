/** A Drizzle whose queries would not reach the database that was opened is refused before anything is opened. */
import { execFileSync } from "node:child_process";
import { existsSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { isFitting } from "../../src/drizzle-versions.ts";
import { project } from "../package/installed.ts";
import { temporaryFolder } from "./folder.ts";

const driver = { sqlite: "better-sqlite3", postgres: "node-postgres" } as const;
type Engine = keyof typeof driver;

/** Runs a program that opens a blackboard, with a module of Drizzle replaced by a text. */
async function openWith(module: string, text: string, engine: Engine, place: string): Promise<string> {
  const folder = temporaryFolder();
  const outfile = join(folder, "program.mjs");
  symlinkSync(join(project, "node_modules"), join(folder, "node_modules"));
  await build({
    entryPoints: [fileURLToPath(new URL("programs/open-somewhere.ts", import.meta.url))],
    ...{
      outfile,
      bundle: true,
      platform: "node",
      format: "esm",
      target: "node20",
      external: ["better-sqlite3", "pg", "drizzle-orm"],
    },
    plugins: [
      {
        name: "replaced",
        setup: ({ onResolve, onLoad }) => {
          onResolve({ filter: /./, namespace: "replaced" }, ({ path }) => ({ path, external: true }));
          onResolve({ filter: new RegExp(`^${module}$`) }, () => ({ path: module, namespace: "replaced" }));
          onLoad({ filter: /./, namespace: "replaced" }, () => ({ contents: text, loader: "js" }));
        },
      },
    ],
  });
  return execFileSync(process.execPath, [outfile, engine, place], { encoding: "utf8" }).trim();
}

/** A `drizzle()` that queries another database, whatever it is passed. */
const ignoring = {
  sqlite: `
    import Database from "better-sqlite3";
    import { drizzle as real } from "drizzle-orm/better-sqlite3";
    export * from "drizzle-orm/better-sqlite3";
    export const drizzle = () => real(new Database(":memory:"));`,
  postgres: `
    import pg from "pg";
    import { drizzle as real } from "drizzle-orm/node-postgres";
    export * from "drizzle-orm/node-postgres";
    export const drizzle = () => real(new pg.Pool({ port: 1 }));`,
};
/** The same, under the name of the client that it was passed. */
const lying = {
  sqlite: ignoring.sqlite
    .replace("= () => real(", "= ({ client: $client }) => Object.assign(real(")
    .replace(/;$/, ", { $client });"),
  postgres: ignoring.postgres
    .replace("= () => real(", "= ({ client: $client }) => Object.assign(real(")
    .replace("new pg.Pool({ port: 1 })", "{ query: async () => ({ rows: [] }) }")
    .replace(/;$/, ", { $client });"),
};
const server = "postgresql://127.0.0.1:1/nothing";

test.each(["sqlite", "postgres"] as const)(
  "a Drizzle that queries another database is refused before %s is opened",
  async (engine) => {
    const file = join(temporaryFolder(), "new/board.db");
    const place = engine === "sqlite" ? file : server;
    for (const text of [ignoring[engine], lying[engine]]) {
      const said = await openWith(`drizzle-orm/${driver[engine]}`, text, engine, place);
      expect(said).toMatch(
        /^DATABASE: Queries of drizzle-orm \S+ do not run on the database that was opened\. .*Install drizzle-orm@/,
      );
    }
    expect(existsSync(dirname(file))).toBe(false);
  },
);

test.each(["sqlite", "postgres"] as const)("a Drizzle out of range is refused before %s is opened", async (engine) => {
  const file = join(temporaryFolder(), "new/board.db");
  const text = 'export const npmVersion = "1.0.0-rc.4";';
  const said = await openWith("drizzle-orm/version", text, engine, engine === "sqlite" ? file : server);
  expect(said).toMatch(
    /^DATABASE: drizzle-orm 1\.0\.0-rc\.4 does not fit .* Install drizzle-orm@0\.45\.4, or 1\.0\.0-rc\.5 or later\.$/,
  );
  expect(existsSync(dirname(file))).toBe(false);
});

test("the versions that fit are those of the peer dependency; a pull request's build counts as its release candidate", () => {
  const versions = ["0.44.7", "0.45.3", "0.45.4", "0.45.9", "0.45.5-beta.1", "0.46.0", "1.0.0-beta.24", "1.0.0-rc.4"];
  const newer = [
    "1.0.0-rc.3-3009504",
    "1.0.0-rc.5",
    "1.0.0-rc.5-169397b",
    "1.0.0-rc.10",
    "1.0.0",
    "1.3.0",
    "2.0.0",
    "?",
  ];
  expect([...versions, ...newer].filter(isFitting)).toEqual([
    ...["0.45.4", "0.45.9", "1.0.0-rc.5", "1.0.0-rc.5-169397b", "1.0.0-rc.10", "1.0.0", "1.3.0"],
  ]);
});
