/**
 * JSON columns as the operations see them: bound and read as text on every engine, so that one decoder serves all, knows
 * which row it reads, and copes with what other programs wrote.
 */
import { type AnyColumn, type SQL, sql } from "drizzle-orm";
import type { Json, JsonObject } from "../../drizzle/vocabulary.ts";
import { type Entity, UnreadableRowError } from "../errors.ts";
import { decodeJson } from "../input/json.ts";

/** A JSON column in a select or returning, undecoded. */
export function asText(column: AnyColumn): SQL<string | null> {
  return sql<string | null>`cast(${column} as text)`;
}

/** The object that a column holds, or null for SQL NULL and for JSON's null. */
export function readObject(entity: Entity, id: string, column: string, text: string | null): JsonObject | null {
  if (text === null) return null;
  const value = decode(entity, id, column, text);
  if (isObjectOrNull(value)) return value;
  throw new UnreadableRowError(entity, id, column, Array.isArray(value) ? "a JSON array" : `a JSON ${typeof value}`);
}

/** Whether `readObject` reads the text. */
export function holdsObject(text: string | null): boolean {
  try {
    return text === null || isObjectOrNull(decodeJson(text));
  } catch {
    return false;
  }
}

function isObjectOrNull(value: Json): value is JsonObject | null {
  return value === null || (typeof value === "object" && !Array.isArray(value));
}

function decode(entity: Entity, id: string, column: string, text: string) {
  try {
    return decodeJson(text);
  } catch (cause) {
    throw new UnreadableRowError(entity, id, column, "text that is not JSON", { cause });
  }
}
