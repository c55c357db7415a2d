/** Runs this source tree's command as agents do: bundled, so that it starts as fast as the published one, with JSON in and out. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { type Blackboard, type Mode, openBlackboard } from "run-blackboard";
import { openPostgresBlackboard } from "run-blackboard/postgres";
import { onTestFinished } from "vitest";
import { freshDatabase, hasServer } from "../postgres/fresh.ts";
import { temporaryFolder } from "../processes/folder.ts";
import { type Running, start } from "../processes/spawn.ts";
import { commandFile } from "./command.ts";

type Json = Record<string, unknown>;

export interface Acted {
  code: number | null;
  /** Each line of stdout. */
  lines: Json[];
  /** The only line of stdout; `{}` if there is none. */
  json: Json;
  /** The error on stderr; `undefined` if there is none. */
  error: { code: string; message: string } | undefined;
  stdout: string;
  stderr: string;
}

/** The command as a process that goes on, and its signals. */
export interface Working extends Running {
  signal(name: NodeJS.Signals): void;
}

/** Starts the command in a folder. */
export async function startActing(words: readonly string[], cwd: string): Promise<Working> {
  // Its first line is its pid.
  const command = ["-c", 'echo $$; exec "$@"', "sh", process.execPath, commandFile(), ...words];
  const running = start("sh", command, { cwd });
  const pid = Number(await running.until(([first]) => first));
  return { ...running, signal: (name) => process.kill(pid, name) };
}

export interface Given {
  input?: string;
  env?: NodeJS.ProcessEnv;
}

export function act(words: readonly string[], { input = "", env = {} }: Given = {}): Acted {
  const { status, stdout, stderr } = spawnSync(process.execPath, [commandFile(), ...words], {
    encoding: "utf8",
    input,
    env: { ...process.env, ...env },
  });
  const lines: Json[] = stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));
  const [error] = stderr.split("\n").flatMap((line) => (line.startsWith('{"error"') ? [JSON.parse(line).error] : []));
  return { code: status, lines, json: lines[0] ?? {}, error, stdout, stderr };
}

/** A run as the command names it, and the same run through the class. */
export interface Place {
  name: string;
  /** The words that name the run: its path, or its id and the database. */
  run: readonly [string, ...string[]];
  /** Opens the run, once it was created. */
  open(): Promise<Blackboard<Mode>>;
}

async function file(): Promise<Place> {
  const path = join(temporaryFolder(), "r", "blackboard.db");
  const open = async () => openBlackboard({ runId: "r", file: path, create: false, synchronous: "normal" });
  return { name: "a file", run: [path, "--run", "r"], open: () => closing(open()) };
}

async function database(): Promise<Place> {
  const { url } = await freshDatabase();
  const open = () => openPostgresBlackboard({ runId: "r", connection: url });
  return { name: "PostgreSQL", run: ["r", "--postgres", url], open: () => closing(open()) };
}

async function closing<B extends Blackboard<Mode>>(opening: Promise<B>): Promise<Blackboard<Mode>> {
  const board = await opening;
  onTestFinished(async () => void (await board.close()));
  return board;
}

/** Makes an empty place on each engine of this machine. */
export const places: [string, () => Promise<Place>][] = [
  ["a file", file],
  ...(hasServer ? [["PostgreSQL", database] satisfies [string, () => Promise<Place>]] : []),
];

/** Runs a command on a place's run. */
export function on({ run }: Place) {
  const [name, ...options] = run;
  return (command: string, words: readonly string[] = [], given: Given = {}): Acted =>
    act([command, name, ...words, ...options], given);
}
