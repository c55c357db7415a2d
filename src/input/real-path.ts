/**
 * The path of a file without symbolic links. SQLite keeps -wal and -shm beside the file itself, not beside a link to it, so a
 * path is resolved once, when it comes in.
 */
import { readlinkSync, realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

/** As many links in a row as Linux follows. */
const maxLinks = 40;

/** `path` is absolute. What is missing of it stays as given; a link to a missing file is followed, since SQLite creates that file. */
export function realPathOf(path: string, links = maxLinks): string {
  try {
    return realpathSync(path);
  } catch {
    // Missing, or not accessible: opening it says which.
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
