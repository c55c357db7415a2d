/** Processes that migrate, started so that all have loaded before they begin. */
import { type Running, startFile } from "../processes/spawn.ts";
import type { Answer, Task } from "./programs/migrate.ts";

/** Starts a program from this folder's `programs/`. `through` is a command that runs it. */
export function startHere(name: string, args: readonly string[] = [], through: readonly string[] = []): Running {
  return startFile(new URL(`programs/${name}.ts`, import.meta.url), args, through);
}

export interface Migrator {
  readonly running: Running;
  /** Starts the migration; resolves with its outcome. */
  bring(task: Task): Promise<Answer>;
}

/** A process that has loaded everything and waits for the file to migrate. */
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
