/**
 * Walks a folder in order of names. Excludes links, files ignored by .gitignore files, `.git`, and the folder of the
 * blackboards.
 */
import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { GitIgnore } from "./gitignore.ts";

export interface Entry {
  /** Relative to the surveyed folder, with slashes. */
  path: string;
  /** The path as stored on disk, which may not be valid UTF-8. */
  bytes: Buffer;
  isFolder: boolean;
  /** The reason why it cannot be surveyed. */
  problem?: Error;
}

/** A top-level folder, or `.` for the files directly in the surveyed folder. A folder precedes its files. */
export type Found = { role: "folder"; entry: Entry } | { role: "file"; entry: Entry; top: Entry };

interface Survey {
  folder: string;
  leftOut: string;
}

interface Contents {
  entries: Entry[];
  rules: GitIgnore;
  problem?: Error;
}

const here: Entry = { path: ".", bytes: Buffer.from("."), isFolder: true };

/** Yields folders and files. A deeper folder that cannot be read is yielded as a file with its problem. */
export async function* walk(folder: string, leftOut: string): AsyncGenerator<Found> {
  const survey = { folder, leftOut };
  const { entries, rules, problem } = await contentsOf(survey, here, await GitIgnore.of(folder));
  if (problem) throw problem;

  const files = entries.filter((entry) => !entry.isFolder);
  if (files.length > 0) yield { role: "folder", entry: here };
  for (const entry of files) yield { role: "file", entry, top: here };

  for (const top of entries.filter((entry) => entry.isFolder)) {
    const contents = await contentsOf(survey, top, rules);
    yield { role: "folder", entry: contents.problem ? { ...top, problem: contents.problem } : top };
    for await (const entry of filesOf(survey, contents)) yield { role: "file", entry, top };
  }
}

async function* filesOf(survey: Survey, { entries, rules }: Contents): AsyncGenerator<Entry> {
  for (const entry of entries) {
    if (!entry.isFolder) {
      yield entry;
      continue;
    }
    const contents = await contentsOf(survey, entry, rules);
    if (contents.problem) yield { ...entry, problem: contents.problem };
    else yield* filesOf(survey, contents);
  }
}

async function contentsOf(survey: Survey, parent: Entry, above: GitIgnore): Promise<Contents> {
  if (parent.problem) return { entries: [], rules: above, problem: parent.problem };
  const path = join(survey.folder, parent.path);
  try {
    const found = await readdir(path, { withFileTypes: true, encoding: "buffer" });
    const rules = parent === here ? above : await above.within(path);
    const entries = found
      .filter((dirent) => !dirent.isSymbolicLink())
      .sort((one, other) => Buffer.compare(one.name, other.name))
      .map((dirent) => entryOf(parent, dirent))
      .filter((entry) => isWanted(survey, entry, rules));
    return { entries, rules };
  } catch (error) {
    return { entries: [], rules: above, problem: error as Error };
  }
}

function entryOf(parent: Entry, dirent: Dirent<Buffer>): Entry {
  const name = dirent.name.toString();
  const isRoot = parent === here;
  const entry = {
    path: isRoot ? name : `${parent.path}/${name}`,
    bytes: isRoot ? dirent.name : Buffer.concat([parent.bytes, Buffer.from("/"), dirent.name]),
    isFolder: dirent.isDirectory(),
  };
  if (!Buffer.from(name).equals(dirent.name)) return { ...entry, problem: new Error("its name is not valid UTF-8") };
  if (!dirent.isFile() && !dirent.isDirectory()) return { ...entry, problem: new Error("not a regular file") };
  return entry;
}

function isWanted(survey: Survey, entry: Entry, rules: GitIgnore): boolean {
  const path = join(survey.folder, entry.path);
  return path !== survey.leftOut && !/(^|\/)\.git$/.test(entry.path) && !rules.ignores(path, entry.isFolder);
}
