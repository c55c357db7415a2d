/**
 * Which part of the package may import which, and the check of it, which `npm run lint` runs.
 *
 * A part is a folder without the parts listed in it, or one file. A file may import its own part, Node's modules, and what its
 * row lists: parts, single files of a part, packages. A part may list only parts above it, so the parts form no circle.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { pathToFileURL } from "node:url";

interface Layer {
  /** A folder, with a slash at its end, or a file. */
  readonly part: string;
  /** Why it imports what it does. */
  readonly why: string;
  readonly imports: readonly string[];
}

const versions = "src/drizzle-versions.ts";
const basics = ["drizzle/vocabulary.ts", "src/shown.ts", "src/foreign.ts", "src/errors.ts"];
const engine = ["src/engine/", "src/operations/operation.ts"];
const sqlite = ["src/sqlite/", "src/sqlite/connection/", "src/sqlite/errors.ts", "src/sqlite/waiting.ts"];

export const layers: readonly Layer[] = [
  {
    part: "drizzle/",
    why: "the tables are published by themselves",
    imports: ["drizzle-orm", "drizzle-orm/pg-core", "drizzle-orm/sqlite-core"],
  },
  { part: "src/shown.ts", why: "formats values for messages, whatever they are", imports: [] },
  { part: "src/foreign.ts", why: "inspects values of unknown origin", imports: ["src/shown.ts"] },
  {
    part: "src/errors.ts",
    why: "every part throws errors, so they import only the vocabulary and formatting",
    imports: ["drizzle/vocabulary.ts", "src/shown.ts"],
  },
  {
    part: versions,
    why: "what differs between the versions of Drizzle",
    imports: ["src/errors.ts", "drizzle-orm", "drizzle-orm/version"],
  },
  {
    part: "src/input/",
    why: "checks arguments before any database is involved",
    imports: [...basics, "@standard-schema/spec", "drizzle-orm", "uuidv7"],
  },
  {
    part: "src/operations/operation.ts",
    why: "the interface between operations and engines",
    imports: ["drizzle/schema.ts", "src/input/roles.ts", "drizzle-orm", "drizzle-orm/sqlite-core"],
  },
  {
    part: "src/operations/",
    why: "operations run on every engine, so they import none",
    imports: [
      ...basics,
      versions,
      "drizzle/rows.ts",
      "drizzle/schema.ts",
      "src/input/",
      "src/operations/operation.ts",
      "@standard-schema/spec",
      "drizzle-orm",
      "drizzle-orm/sqlite-core",
    ],
  },
  {
    part: "src/engine/",
    why: "an engine runs operations and doesn't know what they mean",
    imports: [...basics, "src/operations/operation.ts", "drizzle-orm"],
  },
  {
    part: "src/watch.ts",
    why: "polls through whichever engine it is passed",
    imports: [...basics, "src/engine/engine.ts", "src/input/", "src/operations/", "src/operations/operation.ts"],
  },
  {
    part: "src/looks.ts",
    why: "looks for all waits through whichever engine it is passed",
    imports: [...basics, "src/engine/engine.ts", "src/operations/", "src/operations/operation.ts"],
  },
  {
    part: "src/wait.ts",
    why: "waits for briefs by shared looks",
    imports: [
      ...basics,
      "src/engine/engine.ts",
      "src/input/",
      "src/looks.ts",
      "src/operations/",
      "src/operations/operation.ts",
    ],
  },
  {
    part: "src/hold-claim.ts",
    why: "renews through the function it is passed",
    imports: [...basics, "src/engine/engine.ts", "src/input/", "src/looks.ts", "src/operations/"],
  },
  {
    part: "src/trace.ts",
    why: "publishes operations, whichever they are",
    imports: ["src/foreign.ts"],
  },
  {
    part: "src/blackboard.ts",
    why: "the service runs on whichever engine it is passed",
    imports: [
      ...basics,
      "src/engine/engine.ts",
      "src/hold-claim.ts",
      "src/input/",
      "src/looks.ts",
      "src/operations/",
      "src/operations/operation.ts",
      "src/trace.ts",
      "src/wait.ts",
      "src/watch.ts",
    ],
  },
  {
    part: "src/sqlite/diagnosis.ts",
    why: "asks the system why a file can't be used",
    imports: ["src/foreign.ts"],
  },
  {
    part: "src/sqlite/waiting.ts",
    why: "waits for locks of a file",
    imports: ["src/errors.ts", "src/sqlite/diagnosis.ts"],
  },
  {
    part: "src/sqlite/errors.ts",
    why: "translates the driver's errors",
    imports: [...basics, "src/engine/engine.ts", "src/sqlite/diagnosis.ts"],
  },
  {
    part: "src/sqlite/connection/",
    why: "opens files, with or without our tables in them",
    imports: [
      ...basics,
      versions,
      "drizzle/schema.ts",
      "src/sqlite/errors.ts",
      "src/sqlite/waiting.ts",
      "better-sqlite3",
      "drizzle-orm",
      "drizzle-orm/better-sqlite3",
    ],
  },
  {
    part: "src/sqlite/",
    why: "runs operations on a connection; opening and migrating are done before",
    imports: [
      ...basics,
      ...engine,
      versions,
      "drizzle/schema.ts",
      "src/sqlite/connection/",
      "src/sqlite/errors.ts",
      "src/sqlite/waiting.ts",
      "better-sqlite3",
      "drizzle-orm",
    ],
  },
  {
    part: "src/sqlite/migrations/",
    why: "works on schemas older than the operations, so it uses plain SQL",
    imports: [
      ...basics,
      "drizzle/schema.ts",
      "src/engine/history.ts",
      "src/engine/statements.ts",
      "src/sqlite/connection/",
      "src/sqlite/errors.ts",
      "src/sqlite/waiting.ts",
      "better-sqlite3",
      "drizzle-orm",
    ],
  },
  {
    part: "src/transfer/",
    why: "moves runs between places, whichever engine a place is on",
    imports: [
      ...basics,
      versions,
      "drizzle/rows.ts",
      "drizzle/schema.ts",
      "src/input/",
      "src/operations/",
      "src/operations/operation.ts",
      "drizzle-orm",
    ],
  },
  {
    part: "src/sqlite/files/view.ts",
    why: "opens a file for reading, as a blackboard",
    imports: [
      ...basics,
      ...engine,
      ...sqlite,
      "src/blackboard.ts",
      "src/input/",
      "src/operations/",
      "src/sqlite/migrations/",
      "better-sqlite3",
    ],
  },
  {
    part: "src/sqlite/files/",
    why: "functions about whole files",
    imports: [
      ...basics,
      ...engine,
      ...sqlite,
      "drizzle/schema.ts",
      "src/input/",
      "src/operations/",
      "src/sqlite/files/view.ts",
      "src/sqlite/migrations/",
      "src/transfer/",
      "better-sqlite3",
      "drizzle-orm",
    ],
  },
  {
    part: "src/transfer/move.ts",
    why: "the exported functions, whose default place is a file",
    imports: [...basics, "src/input/", "src/sqlite/files/place.ts", "src/transfer/"],
  },
  {
    part: "src/postgres/",
    why: "the other engine, which knows nothing of SQLite's",
    imports: [
      ...basics,
      ...engine,
      versions,
      "drizzle/schema.postgres.ts",
      "src/input/",
      "src/operations/",
      "src/transfer/place.ts",
      "src/transfer/prune-rule.ts",
      "drizzle-orm",
      "drizzle-orm/node-postgres",
      "drizzle-orm/pg-core",
      "drizzle-orm/query-builders/query-builder",
      "pg",
    ],
  },
  {
    part: "src/postgres/view.ts",
    why: "opens a database for reading, as a blackboard",
    imports: [...basics, ...engine, "src/blackboard.ts", "src/input/", "src/operations/", "src/postgres/"],
  },
  {
    part: "src/report/",
    why: "draws what operations/report-data.ts read, and reads nothing itself",
    imports: ["drizzle/vocabulary.ts", "src/operations/report-data.ts"],
  },
  {
    part: "src/inspect.ts",
    why: "functions about a blackboard of any engine",
    imports: [
      "src/blackboard.ts",
      "src/engine/engine.ts",
      "src/input/",
      "src/operations/",
      "src/operations/operation.ts",
      "src/report/",
    ],
  },
  {
    part: "src/operator.ts",
    why: "functions about a blackboard of any engine that only the command uses",
    imports: ["src/blackboard.ts", "src/engine/engine.ts", "src/input/", "src/operations/"],
  },
  {
    part: "src/errors-and-types.ts",
    why: "an entry without a driver: only types of the parts above the errors",
    imports: [
      ...basics,
      "src/blackboard.ts",
      "src/engine/engine.ts",
      "src/hold-claim.ts",
      "src/input/",
      "src/operations/",
      "src/transfer/",
      "src/trace.ts",
      "src/wait.ts",
      "src/watch.ts",
    ],
  },
  {
    part: "src/index.ts",
    why: "what the package exports: everything but PostgreSQL",
    imports: [
      ...basics,
      "src/errors-and-types.ts",
      ...engine,
      ...sqlite,
      "src/blackboard.ts",
      "src/input/",
      "src/inspect.ts",
      "src/operations/",
      "src/sqlite/files/",
      "src/sqlite/files/view.ts",
      "src/sqlite/migrations/",
      "src/transfer/",
      "src/transfer/move.ts",
      "src/wait.ts",
      "src/watch.ts",
    ],
  },
  {
    part: "src/postgres.ts",
    why: "what the package exports for PostgreSQL; users of SQLite don't load pg",
    imports: [
      ...basics,
      ...engine,
      "src/blackboard.ts",
      "src/input/",
      "src/inspect.ts",
      "src/postgres/",
      "src/postgres/view.ts",
      "src/transfer/move.ts",
      "src/transfer/place.ts",
      "src/transfer/prune-rule.ts",
      "pg",
    ],
  },
  {
    part: "src/cli/",
    why: "the command uses what the package exports, as a user would, and loads a driver only where it is used",
    imports: [
      "src/errors-and-types.ts",
      "src/index.ts",
      "src/inspect.ts",
      "src/operator.ts",
      "src/transfer/move.ts",
      "src/postgres.ts",
      "src/input/secrets.ts",
      "commander",
      "@modelcontextprotocol/sdk/server/index.js",
      "@modelcontextprotocol/sdk/server/stdio.js",
      "@modelcontextprotocol/sdk/types.js",
      "@modelcontextprotocol/sdk/validation/ajv",
    ],
  },
  {
    part: "examples/recipes/",
    why: "examples import the package by its name, as users do",
    imports: ["run-blackboard", "run-blackboard/postgres", "zod"],
  },
  {
    part: "examples/survey/",
    why: "examples import the package by its name, as users do",
    imports: ["run-blackboard", "run-blackboard/postgres", "cli-table3", "ignore", "log-update", "valibot"],
  },
];

/** The part that a file belongs to: itself, or the innermost folder. */
export function partOf(file: string): Layer | undefined {
  const inside = layers.filter(({ part }) => part === file || (part.endsWith("/") && file.startsWith(part)));
  return inside.sort((a, b) => b.part.length - a.part.length)[0];
}

/** Statements begin a line, as the formatter sees to; lines that begin with a star are comments with examples. */
const statements =
  /^(?:import|export)\b[^"'`;]*?\bfrom\s*["']([^"']+)["']|^import\s*["']([^"']+)["']|^(?!\s*(?:\*|\/)).*?\b(?:import|require)\(\s*(?:["']([^"']+)["']|[^)])/gm;

/** What a source imports: a file of the project, or a package by its name; `undefined` where that is known only when it runs. */
function importsOf(file: string, text: string): (string | undefined)[] {
  return [...text.matchAll(statements)].map(([, from, bare, called]) => {
    const name = from ?? bare ?? called;
    return name?.startsWith(".") ? posix.join(posix.dirname(file), name) : name;
  });
}

/** Each import of a source that the table doesn't allow, as a line for people. */
function breachesOf(file: string, text: string): string[] {
  const own = partOf(file);
  if (!own) return [`${file}: belongs to no part; add a row to .ci/layers.ts`];
  const rule = `${own.part} (${own.why}) may import ${["itself", ...own.imports].join(", ")}`;
  return importsOf(file, text)
    .filter((imported) => !isAllowed(own, imported))
    .map((imported) => `${file}: imports ${imported ?? "what is known only when it runs"}. ${rule}`);
}

function isAllowed(own: Layer, imported: string | undefined): boolean {
  if (imported === undefined) return false;
  if (imported.startsWith("node:")) return true;
  const part = partOf(imported)?.part;
  return part === own.part || own.imports.some((entry) => entry === imported || entry === part);
}

/** The same of every source in a project's folder. */
export function breachesIn(project: string): string[] {
  return ["src", "drizzle", "examples"]
    .flatMap((folder) =>
      readdirSync(join(project, folder), { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)),
    )
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => /\.[cm]?[jt]s$/.test(file))
    .sort()
    .flatMap((file) => breachesOf(file, readFileSync(join(project, file), "utf8")));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const breaches = breachesIn(process.argv[2] ?? ".");
  for (const breach of breaches) console.error(breach);
  if (breaches.length > 0) process.exitCode = 1;
}
