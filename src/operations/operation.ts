/**
 * The interface between operations, which are written once, and the engines that run them.
 *
 * An operation is a generator: it yields queries and receives their rows. SQLite's engine runs them synchronously,
 * PostgreSQL's awaits them. An operation has no other side effects, since an engine may run it again from the start.
 */
import { type AnyColumn, getTableColumns, type Placeholder, type SQL, type SQLWrapper, sql } from "drizzle-orm";
import type { BaseSQLiteDatabase, SQLiteTable } from "drizzle-orm/sqlite-core";
import type * as tables from "../../drizzle/schema.ts";
import type { Roles } from "../input/roles.ts";

/**
 * What an engine provides to queries: its database, its tables, and the expressions that differ between the dialects. Queries
 * are typed as SQLite's and use only what both builders have.
 */
export interface Lens {
  /**
   * The table for `from`, read through this index or its primary key, on SQLite whatever its statistics say: see
   * `index-choice.ts`. The columns must be selected by name, because the builder can't list those of raw SQL.
   */
  through<T extends SQLiteTable>(table: T, index: Index): T;
  /** `eq(column, runId)` in a query `through` this index: on PostgreSQL the planner can use no other one for it. */
  ofRunThrough(column: AnyColumn, index: Index, runId: SQL): SQL;
  /** An update of several rows of `table`, which finds them by its primary key: see `through`. */
  byKey<Q extends { getSQL(): SQL }>(table: SQLiteTable, update: Q): Q;
  /** A parameter of a kept statement, which is planned once and not for each value. */
  bound(placeholder: Placeholder): SQL;
  db: Pick<BaseSQLiteDatabase<"sync", unknown>, "select" | "selectDistinct" | "insert" | "update">;
  t: typeof tables;
  /** A value in the SELECT of an INSERT … SELECT, cast to the column's type: PostgreSQL treats a bare parameter there as text. */
  typed(column: AnyColumn, value: SQL): SQL.Aliased;
  /** True for a row whose JSON column can be read; `undefined` if the column's type guarantees it. */
  readable(column: AnyColumn): SQL | undefined;
  /** False only for a row whose JSON column can't be read; one that isn't `readable` must be decoded to know. */
  decodable(column: AnyColumn): SQL;
  /** True for a JSON column whose value takes more than a microsecond or two to parse. */
  isLong(column: AnyColumn): SQL;
  /** True where a column's value has the type that the column declares; `undefined` if the database guarantees it. */
  ofItsType(column: AnyColumn): SQL | undefined;
  /** True if the column equals a text or a number in a JSON array: one parameter, and one statement, for lists of any length. */
  among(column: AnyColumn, list: SQL): SQL;
  /** True if the column equals a value of the query, which is run once: with LIMIT and skipped locks another run returns others. */
  amongRows(column: AnyColumn, query: SQLWrapper): SQL;
  /** The entries of a list as rows: one parameter, and one statement, for lists of any length. */
  entries<Types extends EntryTypes>(list: SQL, types: Types): Entries<Types>;
  /** True while the next event of the run gets a `seq` that a number holds exactly. */
  hasNextSeq(runId: SQL<string>): SQL;
  /** True for rows whose ids must differ from those of the run: its own; `undefined` where an id is unique in the database. */
  sharesIds(column: AnyColumn, runId: SQL<string>): SQL | undefined;
  /** The number of bytes a column holds, 0 for NULL. SQLite knows it without reading the value. */
  bytes(column: AnyColumn): SQL<number>;
  /** The time to store: `now`, or the database's clock if that is NULL. */
  time(now: SQL<string | null>): SQL<string>;
  /** The time after that many milliseconds: `reckoned`, or by the database's clock if that is NULL. */
  timeIn(milliseconds: SQL<number>, reckoned: SQL<string | null>): SQL<string>;
  /** The query with FOR UPDATE SKIP LOCKED, where the engine locks rows. */
  skippingLocked<Q>(query: Q): Q;
  /**
   * True once the statement has locked the run's row, as what changes several rows of a run does first: see `together`. `runId`
   * is a column of the row to change.
   * `undefined` where the engine has one writer at a time.
   */
  lockingRun(runId: AnyColumn): SQL | undefined;
  /**
   * `eq(column, runId)` for reading by key: all rows, or a page in key order. If the key doesn't begin with the run, the planner
   * would choose an index that does, and sort all of the run's rows again for each page; this prevents it.
   */
  ofRun(column: AnyColumn, runId: string | SQL<string>): SQL;
  /**
   * A query for a column of the rows with `key` and `where`, for each row of `from`. In this order of loops and by the key: a
   * planner that estimates wrongly would read the whole table for each of those rows.
   */
  foundForEach(from: SQL, column: AnyColumn, key: { column: AnyColumn; value: SQL }, where: SQL): SQL;
  /** A prepared statement's name on its connection, different for each text; "" for an unnamed statement. */
  nameOf(query: { toSQL(): { sql: string } }): string;
}

type Index = "key" | `${"briefs" | "events" | "workstreams"}_${string}`;

/**
 * What an engine provides to statements that make a change and store its event. Its `t.runs` contains only the run, whose row is
 * locked before it is read, and its times are those after the lock was acquired.
 */
export interface AtOnceLens extends Lens {
  /** The run's id, which is known once its row is locked: a condition on it makes a change wait for the lock. */
  lockedRunId: SQL<string>;
  /** The columns of the one row that `query` selects and locks, as they were before the change. */
  chosen<Row>(query: Preparable<Row>): { readonly [Name in keyof Row]: SQL };
  /** True if the column equals a text of a list, which has the collation of ids. */
  isText(column: AnyColumn, text: SQL): SQL;
  /** A JSON object. */
  object(fields: Readonly<Record<string, SQL>>): SQL;
  /** `change`, which returns the changed row, and its event. The statement fails unless the event is stored. */
  withEvent<Row>(
    change: Preparable<Row>,
    event: (changed: { readonly [Name in keyof Row]: SQL }) => NewEventColumns,
  ): Preparable<Row>;
  /**
   * `change` of all `count` rows of a list, and the insertion of their events by `log`. The statement makes no change, or all of
   * them with their events; otherwise it fails.
   */
  allOrNone<Row>(
    change: Preparable<Row>,
    count: SQL<number>,
    log?: (numbers: EventNumbers) => Preparable<{ seq: number }>,
  ): Preparable<Row>;
  /** For a statement that does not lock the run's row. */
  unlocked: CombiningLens;
}

/** What an engine provides to one statement that reads, and changes what it has read. */
export interface CombiningLens extends Lens {
  /** A query as a part of the statement, for other parts to refer to. */
  part<Row>(name: string, query: Preparable<Row>): StatementPart<Row>;
  /**
   * The row of `seen` with `more`, and with each row of `changed` or NULL for each of its columns. The statement fails if it has
   * changed some of the `chosen` rows, but not all.
   */
  seenWithChanged<Seen, More, Row>(
    seen: StatementPart<Seen>,
    more: { readonly [Name in keyof More]: SQL.Aliased<More[Name]> },
    chosen: StatementPart<unknown>,
    changed: StatementPart<Row>,
  ): Preparable<Seen & More & ({ readonly [Name in keyof Row]: null } | Row)>;
}

/** `from` is an item of FROM; the columns are those of its rows. */
interface StatementPart<Row> {
  readonly from: SQL;
  readonly columns: { readonly [Name in keyof Row]: SQL };
}

/** The numbers of the events of a list. */
export interface EventNumbers {
  /** True if all changes were made: the condition on which events are inserted. */
  readonly isMade: SQL;
  /** The number before the first event's. */
  readonly before: SQL<number>;
}
export type NewEventColumns = { readonly [Name in "eventId" | "briefId" | "kind" | "detail"]: SQL } & {
  readonly now: SQL<string | null>;
};

/** The values of a list's entries, by name; JSON is passed as text, and stored like that of a single row. */
export type EntryTypes = Readonly<Record<string, "text" | "integer" | "json">>;

/** A list, which is a parameter that `listed` made, as an item of FROM. */
export interface Entries<Types extends EntryTypes> {
  from: SQL;
  /** The same for a query that finds rows by `isFoundBy`. */
  fromFirst: SQL;
  entry: { readonly [Name in keyof Types]: Types[Name] extends "integer" ? SQL<number | null> : SQL<string | null> };
  /** The entry's position in the list. */
  position: SQL<number>;
  /** True if the column, by which rows are found, equals the entry's value: the planner goes from the list to the rows. */
  isFoundBy(column: AnyColumn, name: keyof Types & string): SQL | undefined;
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

/** A query that is prepared at its first use and kept for the connection, while there is room. */
export interface KeptQuery {
  prepare(lens: Lens): Prepared<unknown>;
  parameters: Parameters;
}
/** A query that is built for one call. */
interface BuiltQuery {
  build(lens: Lens): Preparable<unknown>;
}
/** A change and its event in one statement: see `atOnce`. */
export interface AtOnce {
  atOnce(lens: AtOnceLens): Prepared<unknown>;
  parameters(): Parameters;
}
/** An operation that is atomic; inside a transaction, one that throws is rolled back alone (a savepoint). */
export interface Atomic {
  atomic: () => Operation<unknown>;
  /** Whether it writes more than one row: then it locks the run's row first, so that two of them can't deadlock. */
  severalRows: boolean;
}
/** An operation that only reads, in one snapshot. */
export interface Snapshot {
  snapshot: () => Operation<unknown>;
}
export type Step = KeptQuery | BuiltQuery | AtOnce | Atomic | Snapshot;
export type Operation<T> = Generator<Step, T, unknown>;

/** The context of a call: run id, roles, clock and id generator. */
export interface Context {
  readonly runId: string;
  /** `undefined` if none are declared: then a brief may have any role and any object. */
  readonly roles: Roles | undefined;
  /** The current time in the stored format; null uses the database's clock. */
  now(): string | null;
  newId(): string;
}

export type Placeholders<P extends Parameters> = { readonly [Name in keyof P]: SQL<P[Name]> };

/** Wrapped in `sql`, since `set` accepts no bare placeholder and a column would encode JSON twice. */
function placeholdersOf<P extends Parameters>(lens: Lens): Placeholders<P> {
  return new Proxy({}, { get: (_, name: string) => lens.bound(sql.placeholder(name)) }) as Placeholders<P>;
}

/**
 * A statement with typed parameters, written with Drizzle's builder. It is prepared once per connection: building costs 16 to 23
 * µs, running a prepared statement 0.5 to 2.
 *
 * ```ts
 * const findRun = statement<{ runId: string }>()(({ db, t }, $) => db.select().from(t.runs).where(eq(t.runs.runId, $.runId)));
 * const [run] = yield* findRun({ runId });
 * ```
 */
export function statement<P extends Parameters>() {
  return <Row>(build: (lens: Lens, $: Placeholders<P>) => Preparable<Row>) => {
    const prepare = (lens: Lens) => {
      const query = build(lens, placeholdersOf<P>(lens));
      return query.prepare(lens.nameOf(query));
    };
    return function* (parameters: P): Operation<Row[]> {
      return (yield { prepare, parameters }) as Row[];
    };
  };
}

/**
 * A statement that makes a change and stores its event, for engines where a transaction costs a round trip for each of its
 * statements. It commits by itself, so it must not change a row that can't be read. Returns `undefined` if it was not run or
 * was rolled back; a transaction then has to make the change, or say why it can't be made.
 */
export function atOnce<P extends Parameters>() {
  return <Row>(build: (lens: AtOnceLens, $: Placeholders<P>) => Preparable<Row>) =>
    inOneStatement<P, Row>((lens) => {
      const locking = new Proxy(placeholdersOf<P>(lens), {
        get: (all, name) => (name === "runId" ? lens.lockedRunId : Reflect.get(all, name)),
      });
      return build(lens, locking);
    });
}

/** Like `atOnce`, without a lock of the run's row. */
export function combined<P extends Parameters>() {
  return <Row>(build: (lens: CombiningLens, $: Placeholders<P>) => Preparable<Row>) =>
    inOneStatement<P, Row>(({ unlocked }) => build(unlocked, placeholdersOf<P>(unlocked)));
}

function inOneStatement<P extends Parameters, Row>(build: (lens: AtOnceLens) => Preparable<Row>) {
  const prepare = (lens: AtOnceLens) => {
    const query = build(lens);
    return query.prepare(lens.nameOf(query));
  };
  return function* (parameters: () => P): Operation<Row[] | undefined> {
    return (yield { atOnce: prepare, parameters }) as Row[] | undefined;
  };
}

/** A power of two. SQLite takes 32,766 parameters at most. */
const maxBatch = 128;

/**
 * Like `statement`, for inserting thousands of whole rows: `build` receives the placeholders of several rows. Batches have 128,
 * 64, 32 and so on rows, so that eight statements serve any number; building one costs 30 µs per row.
 */
export function batches<P extends Parameters>(table: "runs" | "workstreams" | "briefs" | "events") {
  return <Row>(build: (lens: Lens, rows: Placeholders<P>[]) => Preparable<Row>) => {
    const ofSize = family((size: number) => (lens: Lens) => {
      const names = Object.keys(getTableColumns(lens.t[table]));
      const rows = Array.from({ length: size }, (_, row) =>
        Object.fromEntries(names.map((name) => [name, sql`${sql.placeholder(`${row}.${name}`)}`])),
      );
      const query = build(lens, rows as Placeholders<P>[]);
      return query.prepare(lens.nameOf(query));
    });
    return function* (rows: readonly P[]): Operation<Row[]> {
      const answers: Row[] = [];
      for (let from = 0; from < rows.length; ) {
        let size = maxBatch;
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

/** Runs a query that is rare and not kept. */
export function* query<Row>(build: (lens: Lens) => Preparable<Row>): Operation<Row[]> {
  return (yield { build }) as Row[];
}

/** Runs `operation`, which writes a single row, atomically. */
export function* atomically<T>(operation: () => Operation<T>): Operation<T> {
  return (yield { atomic: operation, severalRows: false }) as T;
}

/** Runs `operation`, which writes several rows, such as a change and its event, atomically. */
export function* together<T>(operation: () => Operation<T>): Operation<T> {
  return (yield { atomic: operation, severalRows: true }) as T;
}

/** Runs `operation`, which must not write, in one snapshot. */
export function* inSnapshot<T>(operation: () => Operation<T>): Operation<T> {
  return (yield { snapshot: operation }) as T;
}

/**
 * Runs a change that one statement decides and returns its row, converted by `read`. If nothing changed, tries again in a
 * transaction and calls `explain`, which returns the result or throws.
 *
 * The first try commits by itself, so with `guarded` it must not change a row that can't be read: the change would be kept
 * although the call throws. The second try is rolled back in that case.
 */
export function* settle<Row, T>(
  change: (guarded: boolean) => Operation<Row[]>,
  read: (row: Row) => T,
  explain: () => Operation<T>,
): Operation<T> {
  const [changed] = yield* change(true);
  if (changed !== undefined) return read(changed);
  return yield* atomically(() =>
    changeOrExplain(function* () {
      const [row] = yield* change(false);
      return row === undefined ? undefined : { value: read(row) };
    }, explain),
  );
}

/** Errors of rows that should have been changed, by what was read of them afterwards. */
const contradictions = new WeakSet<Error>();

/** Marks an error that says that nothing was changed for no known reason. */
export function contradiction<E extends Error>(error: E): E {
  contradictions.add(error);
  return error;
}

/** More than another program is likely to change one row between two statements. */
const maxTries = 5;

/**
 * Runs a change in a transaction, and `explain` if it changed nothing. On PostgreSQL another session may commit between the change
 * and the read that explains it, so the explanation may contradict the change: then it tries again.
 */
export function* changeOrExplain<T>(
  change: () => Operation<{ value: T } | undefined>,
  explain: () => Operation<T>,
): Operation<T> {
  for (let tries = 1; ; tries++) {
    const changed = yield* change();
    if (changed) return changed.value;
    try {
      return yield* explain();
    } catch (error) {
      if (!(error instanceof Error && contradictions.has(error)) || tries === maxTries) throw error;
    }
  }
}
