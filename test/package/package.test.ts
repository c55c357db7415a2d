import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { buildSync } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { blocksOf } from "../documentation.ts";
import { transferCommands } from "../transfer/commands.ts";
import { command } from "./command.ts";
import { install, pack, project, run } from "./installed.ts";

let tarball: string;
let folder: string;

beforeAll(() => {
  tarball = pack();
  folder = install(tarball);
});
afterAll(() => {
  rmSync(dirname(tarball), { recursive: true });
  rmSync(folder, { recursive: true });
});

const program = `
  const board = openBlackboard({ runId: "first" });
  board.createRun("from the tarball");
  board.createBrief({ tier: 0, role: "coder" });
  console.log(board.getRunSummary().briefs.pending, board.location);
  board.close();
`;

describe("the packed tarball in an empty project", () => {
  it("can be imported", () => {
    const printed = run(folder, "esm.mjs", `import { openBlackboard } from "run-blackboard";${program}`);
    expect(printed).toBe(`1 ${realpathSync(folder)}/runs/first/blackboard.db\n`);
  });

  it("can be required", () => {
    rmSync(join(folder, "runs"), { recursive: true, force: true });
    const printed = run(folder, "cjs.cjs", `const { openBlackboard } = require("run-blackboard");${program}`);
    expect(printed).toBe(`1 ${realpathSync(folder)}/runs/first/blackboard.db\n`);
  });

  it("runs the README's programs as pasted into an .mjs file, with node alone", () => {
    symlinkSync(join(project, "node_modules/zod"), join(folder, "node_modules/zod"));
    const programs = blocksOf("README.md").filter(
      ({ language, text }) => language === "ts" && !text.includes("DATABASE"),
    );
    expect(programs.length).toBeGreaterThan(2);
    for (const { line, text, prints } of programs) {
      expect(run(folder, `readme-${line}.mjs`, text)).toBe(prints);
      // Again, as the page says of the first one.
      expect(run(folder, `readme-${line}.mjs`, text)).toBe(prints);
    }
    rmSync(join(folder, "runs"), { recursive: true, force: true });
  });

  it("works from a different working directory and puts runs/ there", () => {
    const elsewhere = realpathSync(mkdtempSync(join(tmpdir(), "run-blackboard-cwd-")));
    const printed = run(folder, "cwd.mjs", `import { openBlackboard } from "run-blackboard";${program}`, elsewhere);
    expect(printed).toBe(`1 ${elsewhere}/runs/first/blackboard.db\n`);
    expect(existsSync(join(elsewhere, "runs/first/blackboard.db"))).toBe(true);
    rmSync(elsewhere, { recursive: true });
  });

  it("shares its error classes between all entry points, under their exported names", () => {
    const text = `
      import * as entry from "run-blackboard";
      import { openPostgresBlackboard } from "run-blackboard/postgres";
      for (const [name, value] of Object.entries(entry)) {
        if (/^[A-Z]/.test(name) && value.name !== name) console.log(name, "is called", value.name);
      }
      const error = await openPostgresBlackboard({ runId: "" }).catch((error) => error);
      console.log(error instanceof entry.InvalidInputError, String(error.stack).split(":")[0]);`;
    const pg = join(folder, "node_modules/pg");
    symlinkSync(join(project, "node_modules/pg"), pg);
    try {
      expect(run(folder, "names.mjs", text)).toBe("true InvalidInputError\n");
    } finally {
      rmSync(pg);
    }
  });

  it("exports its tables for users' queries", () => {
    rmSync(join(folder, "runs"), { recursive: true, force: true });
    const text = `
      import { openBlackboard } from "run-blackboard";
      import { briefs } from "run-blackboard/schema";
      import { eq } from "drizzle-orm";
      {
        const board = openBlackboard({ runId: "own" });
        board.createRun("own queries");
        board.createBrief({ briefId: "b", tier: 3, role: "coder", payload: { n: 1 } });
        console.log(JSON.stringify(board.drizzle.select({ payload: briefs.payload }).from(briefs).where(eq(briefs.tier, 3)).all()));
        board.close();
      }`;
    expect(run(folder, "schema.mjs", text)).toBe('[{"payload":{"n":1}}]\n');
  });

  it.each([
    ["esm", "mjs"],
    ["cjs", "cjs"],
  ] as const)(
    "works when esbuild bundles it with a program into one minified file, %s, with no other file next to it",
    (format, ending) => {
      const entry = join(folder, `bundle-${format}.mjs`);
      const text = `
      import { BlackboardError, InvalidInputError, migrationStatus, openBlackboard } from "run-blackboard";
      import { briefs } from "run-blackboard/schema";
      ${program}
      const again = openBlackboard({ runId: "first", create: false });
      console.log(again.drizzle.select().from(briefs).all().length, String(again).slice(0, 10));
      try { again.createRun(""); } catch (error) {
        console.log(error.name, error.code, error instanceof InvalidInputError, error instanceof BlackboardError);
      }
      console.log(migrationStatus({ runId: "first" }).state);`;
      writeFileSync(entry, text);
      const elsewhere = realpathSync(mkdtempSync(join(tmpdir(), "run-blackboard-bundle-")));
      try {
        const { outputFiles } = buildSync({
          entryPoints: [entry],
          bundle: true,
          minify: true,
          platform: "node",
          target: "node20",
          format,
          external: ["better-sqlite3"],
          write: false,
        });
        mkdirSync(join(elsewhere, "node_modules"));
        symlinkSync(join(project, "node_modules/better-sqlite3"), join(elsewhere, "node_modules/better-sqlite3"));
        const printed = run(elsewhere, `program.${ending}`, outputFiles[0]?.text ?? "");
        expect(readdirSync(elsewhere).sort()).toEqual(["node_modules", `program.${ending}`, "runs"]);
        expect(printed.split("\n")).toEqual([
          `1 ${elsewhere}/runs/first/blackboard.db`,
          "1 Blackboard",
          "InvalidInputError INVALID_INPUT true true",
          "current",
          "",
        ]);
      } finally {
        rmSync(elsewhere, { recursive: true });
      }
    },
  );

  it("has types that compile in a strict program and reject a wrong status", () => {
    const source = join(folder, "src");
    mkdirSync(source);
    writeFileSync(
      join(source, "user.ts"),
      `import { type Blackboard, InvalidInputError, type Mode, openBlackboard, type RunSummary } from "run-blackboard";
       import { briefs } from "run-blackboard/schema";
       const board = openBlackboard({ runId: "typed", file: ":memory:" });
       const summary: RunSummary = board.getRunSummary();
       export const done: number = summary.briefs.done;
       export async function anyEngine(either: Blackboard<Mode>): Promise<string> {
         return (await either.createRun("x")).goal;
       }
       export const id: typeof briefs.$inferSelect.briefId = board.createBrief({ tier: 1, role: "r" }).briefId;
       export const issues = (error: unknown) => (error instanceof InvalidInputError ? error.issues : []);
       // @ts-expect-error a run is never "finished"
       board.updateRunStatus("finished");
       // @ts-expect-error a tier is missing
       board.createBrief({ role: "r" });
      `,
    );
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({
        compilerOptions: {
          module: "nodenext",
          strict: true,
          noEmit: true,
          skipLibCheck: true,
          lib: ["es2023", "esnext.disposable"],
          types: ["node"],
        },
        include: ["src"],
      }),
    );
    execFileSync(join(project, "node_modules/.bin/tsc"), { cwd: folder, stdio: "pipe" });
  });

  it("ships every source that its source maps name", () => {
    const map = join(folder, "node_modules/run-blackboard/dist/src/index.js.map");
    const { sources }: { sources: string[] } = JSON.parse(readFileSync(map, "utf8"));
    for (const source of sources) expect(existsSync(join(dirname(map), source))).toBe(true);
  });
});

command(() => folder);
transferCommands(() => folder);
