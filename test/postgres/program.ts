/** The programs in `programs/`, as separate processes. */
import { type Running, startFile } from "../processes/spawn.ts";

export function startProgram(name: string, ...args: readonly string[]): Running {
  return startFile(new URL(`programs/${name}.ts`, import.meta.url), args);
}

/** Starts this many processes, all loaded and waiting for their first line. */
export async function startPrograms(count: number, name: string, ...args: readonly string[]): Promise<Running[]> {
  const programs = Array.from({ length: count }, (_, n) => startProgram(name, ...args, `p${n}`));
  await Promise.all(programs.map((program) => program.line("ready")));
  return programs;
}
