/**
 * The only place that constructs a connection of better-sqlite3: what is wrong with its installation is found here, at its first use, and
 * reported with what to install.
 */
// Under a name of its own: many bundles begin with a line that declares `createRequire`.
import { createRequire as requireFrom } from "node:module";
import Database from "better-sqlite3";
import { DatabaseError } from "../../errors.ts";
import { codeOf, messageOf } from "../../foreign.ts";

/** The first version that ends a process on an older Node with a segmentation fault, and the Node that it needs. */
const firstForNewerNode = 13;
const newerNode = 22;

let isChecked = false;

/**
 * Opens a file, or the image of one.
 * @throws DatabaseError where better-sqlite3 cannot run on this Node, before it is tried; what the driver throws for the file itself is
 * thrown unchanged.
 */
export function openClient(file: string | Buffer, options: Database.Options = {}): Database.Database {
  if (!isChecked) requireFittingVersion();
  isChecked = true;
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

/** `undefined` where there is no package.json to read, as in a bundle. */
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

/** What the loader of 12, that of 13, Node's `require` and the system's `dlopen` answer. */
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
