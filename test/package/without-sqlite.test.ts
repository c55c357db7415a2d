/** The packed package where better-sqlite3 is not installed: PostgreSQL, the errors and the command with --postgres work. */
import { execFileSync, spawnSync } from "node:child_process";
import { lstatSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freshSchema, hasServer, open } from "../postgres/fresh.ts";
import { pack, project, unpack } from "./installed.ts";

let tarball: string;
let folder: string;

beforeAll(() => {
  tarball = pack();
  folder = unpack(tarball);
  const modules = join(project, "node_modules");
  const scopes = readdirSync(modules).filter((name) => name.startsWith("@"));
  const names = [
    ...readdirSync(modules).filter((name) => !/^[@.]/.test(name)),
    ...scopes.flatMap((scope) => readdirSync(join(modules, scope)).map((name) => `${scope}/${name}`)),
  ];
  for (const name of names) {
    if (name === "better-sqlite3" || !lstatSync(join(modules, name)).isDirectory()) continue;
    mkdirSync(dirname(join(folder, "node_modules", name)), { recursive: true });
    symlinkSync(join(modules, name), join(folder, "node_modules", name));
  }
});
afterAll(() => {
  rmSync(dirname(tarball), { recursive: true });
  rmSync(folder, { recursive: true });
});

/** Without --preserve-symlinks, the linked packages would find this project's better-sqlite3. */
function node(...words: string[]): { code: number | null; stdout: string; stderr: string } {
  const flags = ["--preserve-symlinks", "--preserve-symlinks-main"];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, ...words], {
    cwd: folder,
    encoding: "utf8",
  });
  return { code: status, stdout, stderr };
}

function program(text: string): string {
  writeFileSync(join(folder, "program.mjs"), text);
  const { code, stdout, stderr } = node("program.mjs");
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

const command = (...words: string[]) => node("node_modules/run-blackboard/dist/src/cli/main.js", ...words);

describe("without better-sqlite3", () => {
  test("the entry of the errors has every error class and word, as the other entries do", () => {
    const text = `
      import * as errors from "run-blackboard/errors";
      import { openPostgresBlackboard } from "run-blackboard/postgres";
      const error = await openPostgresBlackboard({ runId: "" }).catch((error) => error);
      console.log(error instanceof errors.InvalidInputError, error instanceof errors.BlackboardError);
      console.log(Object.keys(errors).sort().join(" "));
      console.log(await import("run-blackboard").catch((error) => error.code));`;
    expect(program(text).split("\n")).toEqual([
      "true true",
      "BlackboardError BusyError ClosedError ConflictError ConnectionError DatabaseError FileError InvalidInputError " +
        "LostClaimError MigrationError NotFoundError TransitionError UnreadableRowError briefStatuses eventKinds runStatuses " +
        "workstreamStatuses",
      "ERR_MODULE_NOT_FOUND",
      "",
    ]);
  });

  test("types of the errors and of PostgreSQL compile in a strict program", () => {
    const source = join(folder, "src");
    mkdirSync(source);
    writeFileSync(
      join(source, "user.ts"),
      `import { type Blackboard, type Brief, type Claim, LostClaimError, type Mode, type RunSummary } from "run-blackboard/errors";
       import { openPostgresBlackboard, type PostgresOptions, summarizeRun } from "run-blackboard/postgres";
       import { briefs, tablesIn } from "run-blackboard/postgres/schema";
       const options: PostgresOptions = { runId: "r", connection: "postgresql://localhost/db", schema: "own" };
       export async function main(): Promise<number> {
         const board = await openPostgresBlackboard(options);
         const either: Blackboard<Mode> = board;
         const summary: RunSummary = await either.getRunSummary();
         const overview = await summarizeRun(board);
         const rows = await board.drizzle.select().from(tablesIn("own").briefs);
         const id: typeof briefs.$inferSelect.briefId | undefined = rows[0]?.briefId;
         return summary.briefs.done + overview.lastSeq + (id?.length ?? 0);
       }
       export const isLost = (error: unknown, claim: Claim<Brief>) => error instanceof LostClaimError && error.briefId === claim.brief.briefId;
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
          preserveSymlinks: true,
          lib: ["es2023", "esnext.disposable"],
          types: ["node"],
        },
        include: ["src"],
      }),
    );
    execFileSync(join(project, "node_modules/.bin/tsc"), { cwd: folder, stdio: "pipe" });
  });

  test("the command says for files what has to be installed", () => {
    for (const words of [
      ["runs"],
      ["summary", "r"],
      ["status", "r"],
      ["export", "r"],
      ["import", join(project, "test/fixtures/exports/version-1.jsonl")],
    ]) {
      const { code, stderr } = command(...words);
      expect(code, words.join(" ")).toBe(1);
      expect(stderr, words.join(" ")).toContain("npm install better-sqlite3");
    }
    expect(command("--help").code).toBe(0);
  });

  test.skipIf(!hasServer)("programs and the command with --postgres work", async () => {
    const schema = await freshSchema();
    const text = `
      import { openPostgresBlackboard, postgresRun, copyRun, summarizeRun } from "run-blackboard/postgres";
      const connection = ${JSON.stringify(schema.url)};
      const board = await openPostgresBlackboard({ runId: "r", connection });
      await board.createRun("a goal");
      await board.spawnBrief({ briefId: "b", tier: 0, role: "coder" });
      const claim = await board.claimBrief({ agentId: "a", leaseMs: 60_000 });
      await board.completeBrief(claim, { n: 1 });
      await copyRun(postgresRun({ runId: "r", connection }), postgresRun({ runId: "copy", connection }));
      console.log((await summarizeRun(board)).lastSeq);
      await board.close();`;
    expect(program(text)).toBe("2\n");
    const at = ["--postgres", schema.url];
    for (const words of [
      ["runs"],
      ["summary", "r"],
      ["tree", "r"],
      ["briefs", "r"],
      ["brief", "r", "b"],
      ["events", "r"],
      ["report", "r", "-o", "-"],
      ["export", "r"],
      ["copy", "r", "--to-run", "third"],
      ["status"],
      ["migrate"],
      ["verify"],
      ["prune", "--older-than", "1d"],
    ]) {
      const { code, stderr } = command(...words, ...at);
      expect({ words, stderr, code }).toEqual({ words, stderr: "", code: 0 });
    }
    expect(command("retry", "r", "b", ...at)).toMatchObject({ code: 1, stderr: expect.stringContaining("done") });
    expect((await (await open(schema, { runId: "third" })).getRunSummary()).briefs.done).toBe(1);
  });
});
