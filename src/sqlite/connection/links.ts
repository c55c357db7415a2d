/**
 * Rejects files with several hard links. SQLite derives the name of the WAL from the path, so two processes that use different
 * names of one file would write two WALs for it.
 */
import { statSync } from "node:fs";
import { FileError } from "../../errors.ts";
import { StartOver } from "../waiting.ts";
import { partsOf, removeLeftovers } from "./copy.ts";
import { identityOf } from "./path-check.ts";

/**
 * @throws FileError `CANNOT_OPEN`; StartOver while a process is publishing the file, which briefly has its temporary name as well.
 */
export function refuseHardLinks(location: string): void {
  if (linksOf(location) <= 1) return;
  // A process that was killed while publishing left the temporary name.
  removeLeftovers(location);
  const links = linksOf(location);
  if (links <= 1) return;
  if (partsOf(location).some(({ path }) => identityOf(path) === identityOf(location))) {
    throw new StartOver(`${location} is being created`);
  }
  // It may have lost the temporary name since the links were counted.
  if (linksOf(location) <= 1) return;
  const message =
    `${location} has ${links} hard links. SQLite keeps a separate -wal for each path, so writing through two paths corrupts the file. ` +
    "Delete the other links, or replace this path with a copy of the file while no process has it open.";
  throw new FileError("CANNOT_OPEN", location, message);
}

/** Returns 0 if the file is missing. */
function linksOf(location: string): number {
  return statSync(location, { throwIfNoEntry: false })?.nlink ?? 0;
}
