/**
 * What an application role needs in a schema that its owner migrates. `event_counters` is written by a trigger, with the role's
 * own privileges; foreign keys are checked with the owner's.
 */
import { getTableName, getViewName } from "drizzle-orm";
import { defaultSchema, tablesIn } from "../../drizzle/schema.postgres.ts";
import { migrationsTable } from "../engine/history.ts";
import { printableIdentifier } from "./names.ts";
import { listed } from "./schema.ts";

interface Grants {
  readonly role: string;
  readonly schema: string | undefined;
  readonly prune: boolean;
}

/** Returns SQL that grants the privileges, all or none. Granting them again changes nothing. */
export function grantsScript({ role, schema = defaultSchema, prune }: Grants): string {
  const own = tablesIn(schema);
  const { runs, workstreams, briefs, dependencies, events, eventCounters, tallies } = own;
  const to = printableIdentifier(role);
  const within = (names: readonly string[]) =>
    names.map((name) => `${printableIdentifier(schema)}.${printableIdentifier(name)}`).join(", ");
  const grant = (what: string, names: readonly string[]) => `GRANT ${what} ON ${within(names)} TO ${to};`;
  const lines = [
    "BEGIN;",
    `GRANT USAGE ON SCHEMA ${printableIdentifier(schema)} TO ${to};`,
    grant("SELECT", [migrationsTable, getViewName(tallies)]),
    grant("SELECT, INSERT, UPDATE", [runs, workstreams, briefs, eventCounters].map(getTableName)),
    grant("SELECT, INSERT", [dependencies, events].map(getTableName)),
    ...(prune ? [grant("DELETE", listed(own).map(getTableName))] : []),
    "COMMIT;",
  ];
  return `${lines.join("\n")}\n`;
}
