/**
 * What has been applied, against what this version knows. The rows are drizzle-kit's, one for each migration: its hash and,
 * as `created_at`, the journal's time, which orders them.
 */
import { MigrationError } from "../errors.ts";

/** One file of drizzle-kit's folder. */
export interface Migration {
  /** Such as `0001_events_seq`. */
  readonly tag: string;
  /** The journal's time, in milliseconds. */
  readonly when: number;
  /** SHA-256 of the file, in hex. */
  readonly hash: string;
  /** The file's whole text. */
  readonly sql: string;
}

/** A row of the migrations table. */
export interface AppliedRow {
  readonly hash: string;
  readonly when: number;
}

/** How many of the migrations are applied, those being the first ones. */
export interface History {
  readonly applied: readonly Migration[];
  readonly pending: readonly Migration[];
}

/**
 * Both lists are followed from the oldest on, and the first difference is the cause that is named: what comes after it may
 * be no more than its consequence.
 */
export function compareHistory(
  rows: readonly AppliedRow[],
  migrations: readonly Migration[],
  location: string,
): History {
  // An application of the same migration twice, by a drizzle-kit that raced another, has left two rows that say the same.
  const found = [...new Map(rows.map((row) => [row.when, row])).values()].sort((a, b) => a.when - b.when);
  const newestKnown = migrations.at(-1)?.when ?? 0;
  for (const [index, row] of found.entries()) {
    const migration = migrations[index];
    if (migration && row.when > migration.when) {
      throw new MigrationError(
        "MIGRATION_OUT_OF_ORDER",
        location,
        `${location} never had ${migration.tag}, which is older than what has been applied to it since. ` +
          `Open it with the version that wrote it. Whoever builds this package: a migration that came with a merge must be generated anew.`,
        { migration: migration.tag },
      );
    }
    if (row.when > newestKnown) {
      const ahead = found.length - index;
      throw new MigrationError(
        "SCHEMA_TOO_NEW",
        location,
        `${location} was migrated by a newer version of run-blackboard: it is ${ahead} migration${ahead === 1 ? "" : "s"} ahead ` +
          `of the ${migrations.length} that this version knows. Upgrade run-blackboard here; nothing was changed.`,
      );
    }
    if (!migration || row.when < migration.when) {
      throw new MigrationError(
        "UNKNOWN_MIGRATION",
        location,
        `${location} has had a migration, of ${timeOf(row.when)}, that this version of run-blackboard never had. ` +
          `Open it with the version that wrote it; nothing was changed.`,
      );
    }
    if (row.hash !== migration.hash) {
      throw new MigrationError(
        "MIGRATION_EDITED",
        location,
        `${location} has had another ${migration.tag} than this version of run-blackboard knows: its text was changed after ` +
          `it was applied. Open it with the version that wrote it; nothing was changed.`,
        { migration: migration.tag },
      );
    }
  }
  return { applied: migrations.slice(0, found.length), pending: migrations.slice(found.length) };
}

/** Another program's row may hold a number that is no time. */
function timeOf(when: number): string {
  const time = new Date(when);
  return Number.isNaN(time.getTime()) ? `time ${when}` : time.toISOString();
}

/** drizzle-kit's name for it, and its columns: `drizzle-kit migrate` finds in it what was applied here, and the reverse. */
export const migrationsTable = "__drizzle_migrations";

/** For a call that may look and not migrate. */
export function migrationPending(location: string, pending: readonly Migration[]): MigrationError {
  const tags = pending.map(({ tag }) => tag).join(", ");
  const message =
    `${location} lacks ${pending.length} migration${pending.length === 1 ? "" : "s"} (${tags}), and this call may not apply them. ` +
    `Open it once with migrate: "auto", which is the default.`;
  return new MigrationError("MIGRATION_PENDING", location, message, pending[0] && { migration: pending[0].tag });
}
