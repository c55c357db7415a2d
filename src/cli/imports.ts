/**
 * Loading the engines on demand: both drivers are optional dependencies.
 */
import { InvalidInputError } from "../errors-and-types.ts";

/** Loads the PostgreSQL engine on demand: node-postgres is an optional dependency. */
export function importPostgres(): Promise<typeof import("../postgres.ts")> {
  return installed(
    () => import("../postgres.ts"),
    "--postgres",
    "requires node-postgres, which is not installed: npm install pg",
  );
}

/** Loads the functions for files on demand: better-sqlite3 is an optional dependency. */
export function importFiles(): Promise<typeof import("../index.ts")> {
  const message = "files require better-sqlite3, which is not installed: npm install better-sqlite3, or use --postgres";
  return installed(() => import("../index.ts"), "run|file", message);
}

async function installed<T>(load: () => Promise<T>, path: string, message: string): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND")) throw cause;
    throw new InvalidInputError([{ path, message }], { cause });
  }
}
