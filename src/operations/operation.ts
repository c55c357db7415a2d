/**
 * How an operation is written once and run by every engine.
 *
 * An operation is a generator: it yields the queries that it needs and gets their rows. better-sqlite3 must run them
 * synchronously, PostgreSQL has to be awaited; the generator cannot tell which, so it is one text for both. It never does
 * anything but check, yield and decide: an engine may run it again from the start.
 */
import { type AnyColumn, getTableColumns, type SQL, sql } from "drizzle-orm";
import type { BaseSQLiteDatabase } from "drizzle-orm/sqlite-core";
import type * as tables from "../../drizzle/schema.ts";
import type { Roles } from "../input/roles.ts";

/**
 * The seam between the dialects: queries are typed as SQLite's and use only what both builders have. Each engine hands in
 * its own database and tables, and what its SQL says differently: these few things are all.
 */
export interface Lens {
  db: Pick<BaseSQLiteDatabase<"sync", unknown>, "select" | "insert" | "update">;
  t: typeof tables;
  /** A value in the SELECT of an INSERT … SELECT, as the column's type: PostgreSQL takes a bare parameter there for text. */
  typed(column: AnyColumn, value: SQL): SQL.Aliased;
  /** True for a row whose JSON column can be read back; `undefined` where the column's type sees to it. */
  readable(column: AnyColumn): SQL | undefined;
  /** False only for a row whose JSON column cannot be read back; what is not `readable` either has to be decoded. */
  decodable(column: AnyColumn): SQL;
  /** True for a JSON column whose value takes more than a microsecond or two to parse. */
  isLong(column: AnyColumn): SQL;
  /** True where a column's value has the type that the column declares; `undefined` where the database makes sure of that. */
  ofItsType(column: AnyColumn): SQL | undefined;
  /** True where the column is one of the texts of a JSON array: one parameter, and one statement, for lists of any length. */
  among(column: AnyColumn, list: SQL): SQL;
  /** True while the next event of the run gets a `seq` that a number holds exactly. */
  hasNextSeq(runId: SQL<string>): SQL;
  /** How many bytes a column holds, 0 for NULL. SQLite knows that without reading the value. */
  bytes(column: AnyColumn): SQL<number>;
  /** The time of what is written: what the clock said, or the database's own where it said nothing. */
  time(now: SQL<string | null>): SQL<string>;
  /** The time so many milliseconds later: what was reckoned from the clock, or from the database's own. */
  timeIn(milliseconds: SQL<number>, reckoned: SQL<string | null>): SQL<string>;
  /** The query, passing over rows that another transaction holds, and holding its own until the end. */
  skippingLocked<Q>(query: Q): Q;
  /**
   * `eq(column, runId)` for what goes through the table itself: all rows, or a page in the order of the keys. Where a key does
   * not begin with the run, the planner would rather take an index that does, and sort all of the run's rows anew for each
   * page, or look each of them up by itself: there it is kept from that.
   */
  ofRun(column: AnyColumn, runId: string | SQL<string>): SQL;
  /** A prepared statement's name for as long as the connection lives; no two texts may share one. "" for a statement without. */
  nameOf(query: { toSQL(): { sql: string } }): string;
}

export type Parameters = Record<string, unknown>;
export interface Prepared<Row> {
  all(parameters: Parameters): Row[];
  execute(parameters: Parameters): unknown;
}
interface Preparable<Row> {
  toSQL(): { sql: string };
  prepare(name: string): Prepared<Row>;
}

/** A query that is built and prepared at its first use and kept for the connection, as far as there is room. */
export interface KeptQuery {
  prepare(lens: Lens): Prepared<unknown>;
  parameters: Parameters;
}
/** A query that is built for this one call. */
export interface BuiltQuery {
  build(lens: Lens): Preparable<unknown>;
}
/** An operation of which all or nothing happens, undone alone when it throws inside a transaction. */
export interface Atomic {
  atomic: () => Operation<unknown>;
  /** Whether it writes more than one row: then it holds the run's row first, or two of them could wait for each other. */
  severalRows: boolean;
}
/** An operation that only reads and sees one moment, whatever others write meanwhile. */
export interface Snapshot {
  snapshot: () => Operation<unknown>;
}
export type Step = KeptQuery | BuiltQuery | Atomic | Snapshot;
export type Operation<T> = Generator<Step, T, unknown>;

/** Who is asking: the run, its roles, its clock and its source of ids. */
export interface Context {
  readonly runId: string;
  /** `undefined` where none were declared, and any role may carry any object. */
  readonly roles: Roles | undefined;
  /** The time of what is written now, as it is stored; null leaves it to the database's clock. */
  now(): string | null;
  newId(): string;
}

export type Holes<P extends Parameters> = { readonly [Name in keyof P]: SQL<P[Name]> };

/** Wrapped in `sql`, since the builders' `set` takes no bare placeholder and a column would encode JSON a second time. */
const holes = new Proxy({}, { get: (_, name: string) => sql`${sql.placeholder(name)}` });

/**
 * A statement written with Drizzle's builder, its parameters typed, its rows those of the builder. It is prepared once a
 * connection: the builder costs 16 to 23 µs a call, a prepared statement 0.5 to 2.
 *
 * ```ts
 * const findRun = statement<{ runId: string }>()(({ db, t }, $) => db.select().from(t.runs).where(eq(t.runs.runId, $.runId)));
 * const [run] = yield* findRun({ runId });
 * ```
 */
export function statement<P extends Parameters>() {
  return <Row>(build: (lens: Lens, $: Holes<P>) => Preparable<Row>) => {
    const prepare = (lens: Lens) => {
      const query = build(lens, holes as Holes<P>);
      return query.prepare(lens.nameOf(query));
    };
    return function* (parameters: P): Operation<Row[]> {
      return (yield { prepare, parameters }) as Row[];
    };
  };
}

/** A power of two. SQLite takes 32,766 parameters at most. */
const maxLot = 128;

/**
 * Like `statement`, for whole rows of a table by the thousand: `build` gets the holes of several. They go in lots of 128, 64,
 * 32 and so on, so that eight statements serve any number of rows; building one anew costs 30 µs for each row in it.
 */
export function lots<P extends Parameters>(table: "runs" | "workstreams" | "briefs" | "events") {
  return <Row>(build: (lens: Lens, rows: Holes<P>[]) => Preparable<Row>) => {
    const ofSize = family((size: number) => (lens: Lens) => {
      const names = Object.keys(getTableColumns(lens.t[table]));
      const rows = Array.from({ length: size }, (_, row) =>
        Object.fromEntries(names.map((name) => [name, sql`${sql.placeholder(`${row}.${name}`)}`])),
      );
      const query = build(lens, rows as Holes<P>[]);
      return query.prepare(lens.nameOf(query));
    });
    return function* (rows: readonly P[]): Operation<Row[]> {
      const answers: Row[] = [];
      for (let from = 0; from < rows.length; ) {
        let size = maxLot;
        while (size > rows.length - from) size /= 2;
        const parameters: Parameters = {};
        for (const [row, values] of rows.slice(from, from + size).entries()) {
          for (const name in values) parameters[`${row}.${name}`] = values[name];
        }
        const answered = (yield { prepare: ofSize(size), parameters }) as Row[];
        answers.push(...answered);
        from += size;
      }
      return answers;
    };
  };
}

type Value = string | number | boolean | undefined | readonly string[];
/** What a statement is built for: a value, or an object of values, each from a closed vocabulary. */
type Shape<S> = Value | { readonly [Name in keyof S]: Value };

/**
 * Statements that differ only in their shape, such as which filters a list has: `make` is called once for each. Statements are
 * kept by all fields of the shape, so one that was added can't be forgotten.
 */
export function family<S extends Shape<S>, T>(make: (shape: S) => T): (shape: S) => T {
  const made = new Map<unknown, T>();
  return (shape) => {
    const key = typeof shape === "object" ? keyOf(shape) : shape;
    let kept = made.get(key);
    if (kept === undefined) {
      kept = make(shape);
      made.set(key, kept);
    }
    return kept;
  };
}

/** The last key that was put together: one claim passes the same shape to several families. */
let last: { readonly shape: object; readonly key: string } | undefined;

/**
 * All fields of a shape with their names and values. Put together by hand, since JSON.stringify adds 0.9 µs to the 22 of a
 * short list. Words of a closed vocabulary contain no quotes.
 */
function keyOf<S extends object>(shape: S): string {
  if (last?.shape === shape) return last.key;
  let key = "";
  for (const name in shape) key += `${name}:${textOf(shape[name])};`;
  last = { shape, key };
  return key;
}

function textOf(value: unknown): string {
  if (typeof value === "string") return `"${value}"`;
  return typeof value === "object" ? JSON.stringify(value) : `${value}`;
}

/** A query that is asked for once in a while, and not worth keeping. */
export function* query<Row>(build: (lens: Lens) => Preparable<Row>): Operation<Row[]> {
  return (yield { build }) as Row[];
}

/** All of `operation` or nothing; of one that writes a single row. */
export function* atomically<T>(operation: () => Operation<T>): Operation<T> {
  return (yield { atomic: operation, severalRows: false }) as T;
}

/** All of `operation` or nothing; of one that writes several rows, such as a change and its event. */
export function* together<T>(operation: () => Operation<T>): Operation<T> {
  return (yield { atomic: operation, severalRows: true }) as T;
}

/** All that `operation` reads as it was at one moment. It must not write. */
export function* inSnapshot<T>(operation: () => Operation<T>): Operation<T> {
  return (yield { snapshot: operation }) as T;
}

/**
 * A change that one statement decides. Only when it changed nothing is the reason looked for, in a transaction and after
 * trying once more, so that nobody comes between the two; `explain` gives what stands instead, or throws. `read` makes of the
 * row what is asked for.
 *
 * The first try commits by itself. It must leave alone a row that cannot be read back (`guarded`), or the change would
 * stand although the call throws; the second one is undone by that.
 */
export function* settle<Row, T>(
  change: (guarded: boolean) => Operation<Row[]>,
  read: (row: Row) => T,
  explain: () => Operation<T>,
): Operation<T> {
  const [changed] = yield* change(true);
  if (changed !== undefined) return read(changed);
  return yield* atomically(function* () {
    const [changedNow] = yield* change(false);
    return changedNow === undefined ? yield* explain() : read(changedNow);
  });
}
