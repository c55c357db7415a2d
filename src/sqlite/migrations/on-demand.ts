/**
 * The indexes of a copy that is only read: each is created when a query names it. Most looks need two or three of eleven, and a
 * file of 130 MB was copied and migrated in 7 s, of which the indexes took 4.
 */
import type Database from "better-sqlite3";
import type { Migration } from "../../engine/history.ts";
import { statementsOf } from "../../engine/statements.ts";
import { messageOf } from "../../foreign.ts";
import { migrations } from "./embedded.sqlite.ts";

/** Only tables that grow with the run, whose queries name their indexes: see `index-choice.ts`. */
const created = /^CREATE (?:UNIQUE )?INDEX `(\w+)` ON `(?:briefs|events)`/;

const indexes = new Map(
  migrations.flatMap((migration) =>
    statementsOf(migration).flatMap((statement) => {
      const [, name] = created.exec(statement) ?? [];
      return name === undefined ? [] : [[name, statement]];
    }),
  ),
);

/** The migrations without the statements that create these indexes. */
export const unindexed: readonly Migration[] = migrations.map((migration) => ({
  ...migration,
  sql: statementsOf(migration)
    .filter((statement) => !created.test(statement))
    .join(";\n--> statement-breakpoint\n"),
}));

/**
 * Makes `client` create an index of the migrations that is missing when a statement is prepared that names it. Nothing rolls it
 * back: a connection that only reads has no transactions but those of snapshots, which are committed.
 */
export function indexOnDemand(client: Database.Database): void {
  const prepare = client.prepare.bind(client);
  const preparing = (source: string) => {
    for (;;) {
      try {
        return prepare(source);
      } catch (error) {
        const [, name = ""] = /^no such index: (\w+)$/.exec(messageOf(error)) ?? [];
        const statement = indexes.get(name);
        if (statement === undefined) throw error;
        createIndex(client, statement);
      }
    }
  };
  Object.defineProperty(client, "prepare", { value: preparing });
}

function createIndex(client: Database.Database, statement: string): void {
  client.pragma("query_only = OFF");
  try {
    client.exec(statement);
  } finally {
    client.pragma("query_only = ON");
  }
}
