/**
 * Splits a migration's SQL into statements and refuses forbidden ones.
 *
 * All pending migrations run in one transaction. A statement that begins or ends a transaction would break that, so it is
 * refused before any migration is applied.
 */
import { MigrationError } from "../errors.ts";
import type { Migration } from "./history.ts";

export type Dialect = "sqlite" | "postgres";

/** Returns the statements of a migration in order, without surrounding comments. */
export function statementsOf(migration: Migration, dialect: Dialect = "sqlite"): string[] {
  return migration.sql.split("--> statement-breakpoint").flatMap((chunk) => splitStatements(chunk, dialect));
}

/** PRAGMAs may change the connection's settings; the two allowed ones are written by drizzle-kit around each rebuild. */
const forbidden =
  /^(?:BEGIN|COMMIT|END|ROLLBACK|SAVEPOINT|RELEASE|VACUUM|ATTACH|DETACH|START|ABORT|PREPARE|PRAGMA(?:\s|--[^\n]*|\/\*.*?\*\/)*(?!\s|--|\/\*|foreign_keys\b|user_version\b))/is;

/** Throws `MIGRATION_FAILED` for a forbidden statement. */
export function refuseForbidden(migrations: readonly Migration[], location: string, dialect: Dialect = "sqlite"): void {
  for (const migration of migrations) {
    for (const statement of statementsOf(migration, dialect)) {
      if (!forbidden.test(statement)) continue;
      throw new MigrationError(
        "MIGRATION_FAILED",
        location,
        `${migration.tag} contains ${JSON.stringify(statement.slice(0, 60))}, which is not allowed in a migration: all pending ` +
          `migrations run in one transaction. Nothing was applied.`,
        { migration: migration.tag, statement },
      );
    }
  }
}

type Token = "semicolon" | "space" | "explain" | "create" | "temp" | "trigger" | "end" | "other";
type State = "start" | "normal" | "explain" | "create" | "trigger" | "semicolonInTrigger" | "endInTrigger";

/**
 * Finds the end of a statement with the algorithm of SQLite's shell: https://www.sqlite.org/c3ref/complete.html. CREATE TRIGGER
 * ends only at `; END ;`: counting END would be wrong, because CASE has one too.
 */
function next(state: State, token: Token): State {
  if (token === "space") return state;
  switch (state) {
    case "trigger":
      return token === "semicolon" ? "semicolonInTrigger" : "trigger";
    case "semicolonInTrigger":
      if (token === "semicolon") return state;
      return token === "end" ? "endInTrigger" : "trigger";
    case "endInTrigger":
      return token === "semicolon" ? "start" : "trigger";
  }
  if (token === "semicolon") return "start";
  switch (state) {
    case "start":
      return token === "explain" || token === "create" ? token : "normal";
    case "explain":
      return token === "create" ? token : state;
    case "create":
      if (token === "temp") return state;
      return token === "trigger" ? token : "normal";
    default:
      return "normal";
  }
}

const oneOf = (...kinds: RegExp[]) => new RegExp(kinds.map(({ source }) => source).join("|"), "gsuy");
const space = /(?<space>\s+|--[^\n]*|\/\*.*?(?:\*\/|$))/;
const semicolon = /(?<semicolon>;)/;
const word = /(?<word>[\w$\u{80}-\u{10ffff}]+)/u;
const anythingElse = /./;

/** An unclosed string extends to the end, as in the databases. A doubled quote ends one string and starts the next. */
const tokens: Record<Dialect, RegExp> = {
  sqlite: oneOf(space, semicolon, word, /'[^']*'?|"[^"]*"?|`[^`]*`?|\[[^\]]*\]?/, anythingElse),
  // Dollar quotes, and strings with backslash escapes, must come before words, which their beginnings resemble.
  postgres: oneOf(
    space,
    semicolon,
    /\$(?<tag>(?:[\p{L}_][\p{L}\p{N}_]*)?)\$.*?\$\k<tag>\$|[eE]'(?:\\.|''|[^'\\])*'?/u,
    word,
    /'[^']*'?|"[^"]*"?/,
    anythingElse,
  ),
};

const keywords: ReadonlyMap<string, Token> = new Map([
  ["explain", "explain"],
  ["create", "create"],
  ["temp", "temp"],
  ["temporary", "temp"],
  ["trigger", "trigger"],
  ["end", "end"],
]);

export function splitStatements(sql: string, dialect: Dialect = "sqlite"): string[] {
  const statements: string[] = [];
  let state: State = "start";
  // Start of the first token that is not a comment, and end of the last one.
  let from = -1;
  let to = 0;
  for (const { index, 0: text, groups } of sql.matchAll(tokens[dialect])) {
    const word = groups?.word?.toLowerCase() ?? "";
    const token: Token = groups?.space ? "space" : groups?.semicolon ? "semicolon" : (keywords.get(word) ?? "other");
    // A trigger of PostgreSQL only names its function, whose body is in dollar quotes.
    state = next(state, dialect === "postgres" && token === "trigger" ? "other" : token);
    if (token === "space" || (token === "semicolon" && from < 0)) continue;
    if (state === "start") {
      statements.push(sql.slice(from, to));
      from = -1;
      continue;
    }
    if (from < 0) from = index;
    to = index + text.length;
  }
  if (from >= 0) statements.push(sql.slice(from, to));
  return statements;
}
