/**
 * Processes that migrate. Their programs are bundled first: loading TypeScript costs each of the many processes a second,
 * the bundle a tenth of it.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { afterAll } from "vitest";
import { type Running, start } from "../processes/spawn.ts";
import type { Answer, Task } from "./programs/migrate.ts";

const folder = mkdtempSync(join(tmpdir(), "run-blackboard-programs-"));
afterAll(() => rmSync(folder, { recursive: true }));

const driver = createRequire(import.meta.url).resolve("better-sqlite3");
const bundled = new Map<string, string>();

function bundle(name: string): string {
  const outfile = join(folder, `${name}.mjs`);
  buildSync({
    entryPoints: [fileURLToPath(new URL(`programs/${name}.ts`, import.meta.url))],
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    outfile,
    alias: { "better-sqlite3": driver },
    external: [driver],
  });
  bundled.set(name, outfile);
  return outfile;
}

/** Starts a program of this folder's `programs/`. `through` is a command that runs it. */
export function startHere(name: string, args: readonly string[] = [], through: readonly string[] = []): Running {
  const file = bundled.get(name) ?? bundle(name);
  const [command = "", ...rest] = [...through, process.execPath, file, ...args];
  return start(command, rest);
}

export interface Migrator {
  readonly running: Running;
  /** Begins; the answer comes when it is done. */
  bring(task: Task): Promise<Answer>;
}

/** A process that has loaded everything and waits to be told which file to migrate. */
export async function startMigrator(): Promise<Migrator> {
  const running = startHere("migrate");
  await running.line("ready");
  return {
    running,
    bring: async (task) => {
      const from = running.lines.length;
      running.say(JSON.stringify(task));
      const line = await running.until((lines) => lines.slice(from).find((one) => one.startsWith("{")));
      return JSON.parse(line);
    },
  };
}

export async function startMigrators(count: number): Promise<Migrator[]> {
  return Promise.all(Array.from({ length: count }, startMigrator));
}
