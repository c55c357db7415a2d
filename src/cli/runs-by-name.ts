/**
 * Which run a name means: a folder under the root, a run id if the folder was renamed, or the end or beginning of either.
 */
import { existsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { FileError, InvalidInputError, NotFoundError } from "../errors-and-types.ts";
import { importFiles } from "./imports.ts";
import { closest, didYouMean } from "./suggest.ts";

/** Whether the argument is a path, and not the name of a run. */
export function isPath(given: string): boolean {
  return /[/\\]|\.db$|^\.\.?$/.test(given);
}

/** The file of a path, which may be that of a run's folder. */
export function fileOf(path: string): string {
  return isFolder(path) ? join(path, "blackboard.db") : path;
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    // Opening the file says what is wrong with it.
    return false;
  }
}

/**
 * Returns the file of the run with this name, and its run id if the name is not its folder's.
 * @throws FileError with what may have been meant; InvalidInputError if the name may be several.
 */
export async function findRun(name: string, root: string): Promise<{ file: string; runId?: string }> {
  const file = resolve(root, name, "blackboard.db");
  if (existsSync(file)) return { file };
  const { listRunIds, listRuns, migrationStatus } = await importFiles();
  const folders = existsSync(root) ? listRunIds({ root }) : [];
  const listed = folders.length === 0 ? [] : listRuns({ root });
  const found = listed.find(({ runId }) => runId === name);
  if (found) return { file: found.location, runId: name };
  const runIds = listed.flatMap(({ runId }) => runId ?? []);
  const known = [...new Set([...folders, ...runIds])];
  const like = theOneLike(name, known);
  if (like !== undefined) return await findRun(like, root);
  // Refuses a name that no run can have.
  migrationStatus({ runId: name, root });
  const beside = existsSync(join(name, "blackboard.db")) ? [`./${name}`] : [];
  const hint = didYouMean([...closest(name, known), ...beside]);
  const message = `There is no run ${JSON.stringify(name)} under ${root}: ${file} does not exist.${hint}`;
  throw new FileError("NO_SUCH_FILE", file, message);
}

/** Fewer characters are not searched for. */
const fewest = 4;

/**
 * Returns the name that begins or ends with this text, or `undefined`.
 * @throws InvalidInputError if there are several.
 */
export function theOneLike(typed: string, names: readonly string[]): string | undefined {
  const text = typed.replace(/^(?:…|\.\.\.)|(?:…|\.\.\.)$/g, "");
  if ([...text].length < fewest) return undefined;
  const found = names.filter((name) => name !== typed && (name.startsWith(text) || name.endsWith(text)));
  if (found.length < 2) return found[0];
  const some = found.slice(0, 10).map((name) => JSON.stringify(name));
  const message = `${JSON.stringify(typed)} may be any of these runs: ${some.join(", ")}${found.length > 10 ? ", and more" : ""}`;
  throw new InvalidInputError([{ path: "run", message }]);
}

/** The error for a run that a file or a database does not have. */
export function noSuchRun(runId: string, location: string, known: readonly string[]): NotFoundError {
  const error = new NotFoundError("run", runId, runId);
  const hint = didYouMean(closest(runId, known));
  const some = known.slice(0, 10).map((name) => JSON.stringify(name));
  const others =
    known.length === 0
      ? " It has no run yet."
      : hint === ""
        ? ` Its runs are ${some.join(", ")}${known.length > 10 ? ", …" : ""}.`
        : "";
  error.message = `There is no run ${JSON.stringify(runId)} in ${location}.${hint}${others}`;
  return error;
}
