/**
 * The only place that constructs better-sqlite3 connections. Detects an installation that can't work at first use, of better-sqlite3
 * and of Drizzle, and reports how to repair it.
 */
// Renamed, because many bundles begin with a line that declares `createRequire`.
import { createRequire as requireFrom } from "node:module";
import Database from "better-sqlite3";
import { requireFittingDrizzle } from "../../drizzle-versions.ts";
import { DatabaseError } from "../../errors.ts";
import { codeOf, messageOf } from "../../foreign.ts";
import { proveDrizzle } from "./drizzle.ts";

/** The first version of better-sqlite3 that crashes on older versions of Node with a segmentation fault, and the Node it requires. */
const firstForNewerNode = 13;
const newerNode = 22;

let isChecked = false;

/**
 * Opens a file, or a serialized database.
 * @throws DatabaseError if better-sqlite3 cannot run on this Node, or Drizzle does not fit. Errors of the driver about the file are rethrown unchanged.
 */
export function openClient(file: string | Buffer, options: Database.Options = {}): Database.Database {
  requireInstallation();
  return constructed(file, options);
}

/**
 * Proves once for the process that the installed versions fit, in memory, so that they touch no file.
 * @throws DatabaseError.
 */
export function requireInstallation(): void {
  if (isChecked) return;
  requireFittingVersion();
  requireFittingDrizzle();
  const client = constructed(":memory:", {});
  try {
    proveDrizzle(client);
  } finally {
    client.close();
  }
  isChecked = true;
}

function constructed(file: string | Buffer, options: Database.Options): Database.Database {
  try {
    return new Database(file, options);
  } catch (error) {
    throw isWithoutBinding(error) ? withoutBinding(error) : error;
  }
}

function requireFittingVersion(): void {
  const version = installedVersion();
  const node = majorOf(process.versions.node);
  if (version === undefined || majorOf(version) < firstForNewerNode || node >= newerNode) return;
  throw new DatabaseError(
    `better-sqlite3 ${version} requires Node ${newerNode} or later and would crash this process, which runs ${runtime()}. ` +
      "Install better-sqlite3@12, or upgrade Node.",
  );
}

/** `undefined` if the package.json cannot be found, as in a bundle. */
function installedVersion(): string | undefined {
  try {
    const { version }: { version?: unknown } = requireFrom(import.meta.url)("better-sqlite3/package.json");
    return typeof version === "string" ? version : undefined;
  } catch {
    return undefined;
  }
}

function majorOf(version: string): number {
  return Number.parseInt(version, 10);
}

/** Matches the errors of the loaders of versions 12 and 13, of Node's `require` and of the system's `dlopen`. */
function isWithoutBinding(error: unknown): boolean {
  const code = codeOf(error);
  return (
    code === "ERR_DLOPEN_FAILED" ||
    code === "MODULE_NOT_FOUND" ||
    /Could not locate the bindings file|NODE_MODULE_VERSION|was compiled against|invalid ELF header/.test(
      messageOf(error),
    )
  );
}

function withoutBinding(cause: unknown): DatabaseError {
  if (/Too many open files/.test(messageOf(cause))) {
    const message =
      "better-sqlite3 cannot be loaded: this process has too many files open. Close some files, or raise the limit (ulimit -n).";
    return new DatabaseError(message, { cause });
  }
  return new DatabaseError(
    `better-sqlite3 has no binary for ${runtime()}. If Node was changed since the installation, run: npm rebuild better-sqlite3. ` +
      "If the package manager blocked its install script, as npm 12, pnpm and bun do, allow it and reinstall. " +
      `If node_modules was copied from another system, reinstall it on this one. (${messageOf(cause).slice(0, 300)})`,
    { cause },
  );
}

function runtime(): string {
  return `Node ${process.version} (${process.platform}-${process.arch})`;
}
