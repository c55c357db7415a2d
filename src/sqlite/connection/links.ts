/**
 * Files with more than one name. SQLite names the WAL after the path: through two names of one file, two programs would write two
 * WALs for it.
 */
import { statSync } from "node:fs";
import { FileError } from "../../errors.ts";
import { StartOver } from "../waiting.ts";
import { partsOf, removeLeft } from "./copy.ts";
import { identityOf } from "./path-check.ts";

/**
 * @throws FileError `CANNOT_OPEN`; StartOver while a process gives the file its name: for a moment it also has the one that it was
 * written under.
 */
export function refuseHardLinks(location: string): void {
  if (linksOf(location) <= 1) return;
  // A process that was killed in that moment left the other name.
  removeLeft(location);
  const links = linksOf(location);
  if (links <= 1) return;
  if (partsOf(location).some(({ path }) => identityOf(path) === identityOf(location))) {
    throw new StartOver(`${location} is being created`);
  }
  const message =
    `${location} has ${links} hard links. SQLite keeps a separate -wal for each path, so writing through two paths corrupts the file. ` +
    "Delete the other links, or replace this path with a copy of the file while no process has it open.";
  throw new FileError("CANNOT_OPEN", location, message);
}

/** 0 for a file that was deleted meanwhile. */
function linksOf(location: string): number {
  return statSync(location, { throwIfNoEntry: false })?.nlink ?? 0;
}
