/**
 * Creating something again with a known id: equal data gives the stored row, and nothing is written; other data is a
 * conflict. Only what the creator gave is compared, not what has changed since.
 */
import { isDeepStrictEqual } from "node:util";
import { ConflictError, type Entity } from "../errors.ts";

/** The stored row, if all that was given is as it says; otherwise throws the `ConflictError`. */
export function repeated<Row extends object>(entity: Entity, id: string, stored: Row, given: Partial<Row>): Row {
  const fields: string[] = [];
  for (const name in given) if (!isSame(stored[name], given[name])) fields.push(name);
  if (fields.length > 0) throw new ConflictError(entity, id, fields);
  return stored;
}

/** Whether two values are the same as JSON: the order of keys does not count, nor the sign of zero. */
export function isSame(one: unknown, other: unknown): boolean {
  return isDeepStrictEqual(one, other);
}

/** In an SQLite file that runs share, an id belongs to one of them. */
export function takenElsewhere(entity: Entity, id: string): ConflictError {
  return new ConflictError(entity, id, ["runId"]);
}
