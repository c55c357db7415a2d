/**
 * Keyset pagination: each page begins after the last row of the previous one, in the list's order. Rows written in between
 * shift nothing, and later pages are as fast as the first.
 */
import { type AnyColumn, type SQL, sql } from "drizzle-orm";
import { type Check, shown } from "../input/check.ts";

export interface Page<T, Cursor> {
  items: T[];
  /** Pass as `after` for the next page; null when this was the last one, also when it was just full. */
  next: Cursor | null;
}

export interface PageRequest<Cursor> {
  after?: Cursor | undefined;
  /** 1 to 1000; 100 when left out. */
  limit?: number | undefined;
}

const defaultLimit = 100;
const maxLimit = 1000;

export function checkLimit(check: Check, limit: number | undefined): number {
  return limit === undefined ? defaultLimit : check.integer("limit", limit, 1, maxLimit);
}

/** Oldest first: by `createdAt`, which writers may share, then by id. */
interface Position {
  createdAt: string;
  id: string;
}

/** True for rows after a position. Raw SQL, since the builder has no comparison of rows, which is one range of an index. */
export function isBehind(
  createdAt: AnyColumn,
  id: AnyColumn,
  position: { readonly [Name in keyof Position]: string | SQL },
): SQL {
  return sql`(${createdAt}, ${id}) > (${position.createdAt}, ${position.id})`;
}

/** A cursor is a position in one kind of list, in base64url: it is opaque to users. */
export function encodeCursor(list: string, { createdAt, id }: Position): string {
  return Buffer.from(JSON.stringify([list, createdAt, id])).toString("base64url");
}

export function checkCursor(check: Check, list: string, cursor: unknown): Position | undefined {
  if (cursor === undefined) return undefined;
  const position = typeof cursor === "string" ? decodeCursor(list, cursor) : undefined;
  if (!position) check.refuse("after", `must be the \`next\` of an earlier page of ${list}, got ${shown(cursor)}`);
  return position;
}

function decodeCursor(list: string, cursor: string): Position | undefined {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString());
    if (!Array.isArray(parts)) return undefined;
    const [kind, createdAt, id]: unknown[] = parts;
    if (kind !== list || typeof createdAt !== "string" || typeof id !== "string") return undefined;
    const position = { createdAt, id };
    return encodeCursor(list, position) === cursor ? position : undefined;
  } catch {
    return undefined;
  }
}

/** The page of at most `limit` rows out of the `limit + 1` that were asked for: the one too many says whether more follow. */
export function page<Row, Cursor>(
  rows: readonly Row[],
  limit: number,
  cursorOf: (last: Row) => Cursor,
): Page<Row, Cursor> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, next: rows.length > limit && last !== undefined ? cursorOf(last) : null };
}
