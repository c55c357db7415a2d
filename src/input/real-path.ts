/**
 * Resolves symbolic links. SQLite keeps -wal and -shm next to the file itself, not next to a link to it, so a path is resolved
 * once, during validation.
 */
import { readlinkSync, realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

/** The maximum number of consecutive links that Linux follows. */
const maxLinks = 40;

/** Resolves an absolute path. Keeps missing segments; follows a link to a missing file, since SQLite creates that file. */
export function realPathOf(path: string, links = maxLinks): string {
  try {
    return realpathSync(path);
  } catch {
    // Missing or inaccessible: opening the file reports which.
  }
  const target = links > 0 ? linkedFrom(path) : undefined;
  if (target !== undefined) return realPathOf(resolve(dirname(path), target), links - 1);
  const folder = dirname(path);
  return folder === path ? path : join(realPathOf(folder, links), basename(path));
}

function linkedFrom(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
