import type { Migration } from "../../engine/history.ts";
import { isPassing, whileInPlace } from "../connection/connection.ts";
import { requireHeader, sizeOf } from "../connection/file.ts";
import { readOnce } from "../connection/reader.ts";
import { translated } from "../errors.ts";
import { waiting } from "../waiting.ts";
import { planOf } from "./plan.ts";

export interface MigrationStatus {
  /** The absolute path. */
  location: string;
  /** absent: no file. empty: no tables. reference: written by the Python reference and not yet adopted. */
  state: "absent" | "empty" | "reference" | "pending" | "current";
  /** Tags, such as "0001_events_seq", oldest first. */
  applied: string[];
  pending: string[];
}

/** How long to wait for a process that locks out readers, in milliseconds. */
const readTimeoutMs = 5000;

export const tagsOf = (migrations: readonly Migration[]) => migrations.map(({ tag }) => tag);

export function readStatus(location: string, migrations: readonly Migration[]): MigrationStatus {
  try {
    const read = () =>
      whileInPlace(
        location,
        () => look(location, migrations),
        () => undefined,
      );
    return waiting(read, isPassing, readTimeoutMs, location);
  } catch (error) {
    throw translated(error, location);
  }
}

function look(location: string, migrations: readonly Migration[]): MigrationStatus {
  const bytes = sizeOf(location);
  if (bytes === undefined) return { location, state: "absent", applied: [], pending: tagsOf(migrations) };
  requireHeader(location, bytes);
  const { state, applied, pending } = readOnce(location, (client) => planOf(client, migrations, location));
  return { location, state, applied: tagsOf(applied), pending: tagsOf(pending) };
}
