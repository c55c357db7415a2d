/**
 * Surveys of real folders: by the program in separate processes, or by its parts in this process, which is ten times as
 * fast, for tests that are not about processes.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { PassThrough } from "node:stream";
import Database from "better-sqlite3";
import { openBlackboard } from "run-blackboard";
import { plan } from "../../examples/survey/plan.ts";
import { openProgress, type Progress } from "../../examples/survey/report.ts";
import { roles } from "../../examples/survey/roles.ts";
import { type Found, walk } from "../../examples/survey/walk.ts";
import { work } from "../../examples/survey/work.ts";
import { bundled } from "../processes/bundle.ts";
import { temporaryFolder } from "../processes/folder.ts";
import { type Running, start } from "../processes/spawn.ts";

const source = (name: string) => new URL(`../../examples/survey/${name}.ts`, import.meta.url);
const program = [process.execPath, bundled(source("main"), source("worker"))];

/** Starts a survey; its first line is its pid, for signals. */
export function starting(cwd: string, ...args: string[]): Running {
  return start("sh", ["-c", 'echo $$; exec "$@"', "sh", ...program, ...args], { cwd });
}

export function send(signal: NodeJS.Signals, { lines }: Running): void {
  process.kill(Number(lines[0]), signal);
}

interface Survey {
  code: number | null;
  lines: readonly string[];
  stderr: string;
  /** The blackboard's file, which its last line names. */
  file: string;
}

export async function survey(cwd: string, ...args: string[]): Promise<Survey> {
  return ended(starting(cwd, ...args), cwd);
}

export async function ended(running: Running, cwd: string): Promise<Survey> {
  const { code, stderr } = await running.ended;
  const lines = running.lines.slice(1);
  return { code, lines, stderr, file: join(cwd, lines.at(-1) ?? "") };
}

/** Opens the blackboard of a run as the example does, with its roles. */
export function openSurvey(cwd: string, runId: string) {
  return openBlackboard({ runId, root: join(cwd, "runs"), roles });
}

const silent: Progress = openProgress(new PassThrough());

/** Plans a survey in this process, completely unless `stop` ends it. */
export async function planHere(
  cwd: string,
  runId: string,
  folder: string,
  walked: AsyncIterable<Found> = walk(folder, ""),
  stop = new AbortController(),
): Promise<void> {
  using board = openSurvey(cwd, runId);
  board.createRun(`Survey ${folder}`);
  await plan(board, walked, silent, stop.signal);
}

/** Runs a worker in this process. */
export async function workHere(cwd: string, runId: string, folder: string): Promise<void> {
  using board = openSurvey(cwd, runId);
  await work({ board, folder, agentId: "here", signal: new AbortController().signal });
}

/** Surveys a folder in this process and returns the blackboard's file. */
export async function surveyHere(folder: string): Promise<string> {
  const cwd = temporaryFolder();
  await planHere(cwd, "here", folder);
  await workHere(cwd, "here", folder);
  return join(cwd, "runs/here/blackboard.db");
}

/** Writes files by their paths and creates their folders; a path that ends with a slash is a folder. */
export function write(folder: string, files: Record<string, string | Buffer>): string {
  for (const [path, content] of Object.entries(files)) {
    const target = join(folder, path);
    mkdirSync(path.endsWith("/") ? target : dirname(target), { recursive: true });
    if (!path.endsWith("/")) writeFileSync(target, content);
  }
  return folder;
}

export function query<Row>(file: string, sql: string): Row[] {
  const database = new Database(file, { readonly: true });
  try {
    return database.prepare<[], Row>(sql).all();
  } finally {
    database.close();
  }
}

interface FileRow {
  path: string;
  status: string;
  result: string | null;
  retries: number;
}

/** The briefs of files, by path. */
export function files(file: string): Record<string, { status: string; result: unknown; retries: number }> {
  const rows = query<FileRow>(
    file,
    `SELECT json_extract(payload, '$.path') AS path, status, result, retry_count AS retries
     FROM briefs WHERE tier = 2 ORDER BY path`,
  );
  return Object.fromEntries(
    rows.map(({ path, status, result, retries }) => [path, { status, result: result && JSON.parse(result), retries }]),
  );
}

export function paths(file: string): string[] {
  return Object.keys(files(file));
}

/** The reasons of failed briefs, by path. */
export function reasons(file: string): Record<string, string> {
  const rows = query<{ path: string; reason: string }>(
    file,
    `SELECT json_extract(payload, '$.path') AS path, json_extract(detail, '$.reason') AS reason
     FROM events JOIN briefs USING (brief_id) WHERE kind = 'failed'`,
  );
  return Object.fromEntries(rows.map(({ path, reason }) => [path, reason]));
}

export const small = {
  "readme.md": "# Small\n",
  "src/main.ts": "let a = 1;\nlet b = 22;\n",
  "src/lib/deep/util.ts": "export {};\n",
  "docs/guide.md": "One line, no end",
  "empty/": "",
};
