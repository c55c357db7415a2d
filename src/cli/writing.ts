/**
 * Opening a run for writing: one that exists, or a new one.
 */
import { type Blackboard, InvalidInputError, type Mode } from "../errors-and-types.ts";
import type { MigrationStatus } from "../index.ts";
import { importFiles, importPostgres } from "./imports.ts";
import { look, type RunOptions, serverOf } from "./locations.ts";
import { fileOf, isPath } from "./runs-by-name.ts";

export type Board = Blackboard<Mode>;

/** Opens for writing the run that the read-only commands would show. Never creates or migrates it. */
export async function openToWrite(given: string, options: RunOptions): Promise<Board> {
  const found = { runId: "", location: "" };
  await look(given, options, async ({ board }) => {
    found.runId = board.runId;
    found.location = board.location;
  });
  const { runId } = found;
  const server = serverOf(options);
  if (server) {
    const { openPostgresBlackboard } = await importPostgres();
    return await openPostgresBlackboard({ runId, ...server, migrate: "check" });
  }
  const { openBlackboard } = await importFiles();
  return openBlackboard({ runId, file: found.location, create: false, migrate: "check" });
}

/** Opens a run that may be new. Creates its file, or the tables in an empty database; what has pending migrations is refused. */
export async function openToCreate(given: string, options: RunOptions): Promise<Board> {
  const server = serverOf(options);
  if (server) {
    const { openPostgresBlackboard, postgresMigrationStatus } = await importPostgres();
    const { state } = await postgresMigrationStatus(server);
    return await openPostgresBlackboard({ runId: given, ...server, migrate: unlessOlder(state) });
  }
  const { migrationStatus, openBlackboard } = await importFiles();
  const place = isPath(given) ? { file: fileOf(given) } : { root: options.root };
  const runId = isPath(given) ? options.run : given;
  if (runId === undefined) {
    throw new InvalidInputError([{ path: "--run", message: "required when the new run is named by a path" }]);
  }
  const { state } = migrationStatus(isPath(given) ? { file: fileOf(given) } : { runId, root: options.root });
  return openBlackboard({ runId, ...place, migrate: unlessOlder(state) });
}

function unlessOlder(state: MigrationStatus["state"]): "auto" | "check" {
  return state === "absent" || state === "empty" ? "auto" : "check";
}
