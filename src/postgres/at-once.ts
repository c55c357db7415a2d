/**
 * A change and its event in one statement, so that they cost one round trip and lock nothing between round trips.
 *
 * ```sql
 * WITH turn AS (…), run AS (SELECT … FOR NO KEY UPDATE), changed AS (UPDATE briefs … RETURNING …),
 *   logged AS (INSERT INTO events SELECT … FROM changed RETURNING …)
 * SELECT … FROM changed WHERE …
 * ```
 *
 * Each part reads from the one before it, so locks are acquired in the order of a transaction: the run, the brief, the counter of
 * events. The statement's snapshot is older than its locks. Rows that it locks or updates are read again once they are locked.
 * Other rows that were committed meanwhile, such as a parent, are not seen: then it changes nothing.
 */
import { type AnyColumn, and, eq, getTableColumns, or, type SQL, sql } from "drizzle-orm";
import type { NodePgDatabase } from "drizzle-orm/node-postgres";
import { alias, type PgColumn } from "drizzle-orm/pg-core";
import type { TypedQueryBuilder } from "drizzle-orm/query-builders/query-builder";
import type { AtOnceLens, Entries, EntryTypes, EventNumbers, NewEventColumns } from "../operations/operation.ts";
import { clock, postgresLens, typed } from "./lens.ts";
import { type Site, takeTurn } from "./locks.ts";

type Columns = Record<string, PgColumn | SQL.Aliased>;
/** A query with a list of columns, whichever they are. */
type Query = TypedQueryBuilder<Columns>;
type Part = ReturnType<typeof partOf>;

function partOf(db: NodePgDatabase, name: string, query: Query) {
  return db.$with(name).as(query);
}

function columnsOf(part: Part): Columns {
  return Object.fromEntries(Object.entries<PgColumn | SQL.Aliased>(part._.selectedFields));
}

/** Returns the lens of one statement. */
export function atOnceLens(
  db: NodePgDatabase,
  { schema, tables }: Site,
  nameFor: (text: string) => string,
): AtOnceLens {
  const { events } = tables;
  // FOR … OF takes a name without its schema.
  const runs = alias(tables.runs, "runs");
  const runId = sql.placeholder("runId");
  const turn = db
    .$with("turn", { at: sql`at`.as("at") })
    .as(sql`select ${takeTurn(schema, sql`${runId}`)}, clock_timestamp() as "at"`);
  const run = db.$with("run").as(
    db
      .select({ runId: runs.runId, status: runs.status })
      .from(turn)
      .innerJoin(runs, eq(runs.runId, sql`${runId}`))
      .for("no key update", { of: runs }),
  );
  const parts: Part[] = [];
  const lens = postgresLens(db, tables, nameFor);
  const { time, timeIn } = clock(sql`(select "at" from ${turn})`);

  const added = (name: string, query: Query) => {
    const part = partOf(db, name, query);
    parts.push(part);
    return part;
  };

  const chosen = (query: Query) => {
    const part = added("chosen", query);
    const columns = Object.entries(columnsOf(part));
    return Object.fromEntries(columns.map(([name, column]) => [name, sql`(select ${column} from ${part})`]));
  };

  const withEvent = (change: Query, eventOf: (changed: Part) => NewEventColumns) => {
    const changed = partOf(db, "changed", change);
    const { now, ...event } = eventOf(changed);
    const row: Record<string, SQL> = { ...event, runId: sql`${changed.runId}`, seq: sql`null`, createdAt: time(now) };
    const columns = Object.entries(getTableColumns(events)).map(([name, column]) => [
      name,
      typed(column, row[name] ?? sql`null`),
    ]);
    const logged = db.$with("logged").as(
      db
        .insert(events)
        .select(db.select(Object.fromEntries(columns)).from(changed))
        .onConflictDoNothing()
        .returning({ runId: events.runId, seq: events.seq }),
    );
    const stored = sql`select count(*) from ${logged} where ${logged.runId} = ${changed.runId} and ${logged.seq} <= ${maxSeq}`;
    return db
      .with(turn, run, ...parts, changed, logged)
      .select(columnsOf(changed))
      .from(changed)
      .where(failsUnless(sql`(${stored}) = 1`));
  };

  let list:
    | (Pick<Entries<EntryTypes>, "from" | "fromFirst" | "isFoundBy"> & Record<"entry" | "position", unknown>)
    | undefined;
  /** One list for the whole statement, which is decoded once: that takes as long as finding its rows. */
  const entries = (text: SQL, types: EntryTypes) => {
    if (list) return list;
    const { from, entry, position } = lens.entries(text, types);
    const values = Object.entries<SQL>({ ...entry, position });
    const columns = Object.fromEntries(values.map(([name, value]) => [name, value.as(name)]));
    const part = added("list", db.select(columns).from(from));
    const columnOf = (name: string) => sql`${part}.${sql.identifier(name)}`;
    list = {
      from: sql`${part}`,
      fromFirst: sql`${part}`,
      entry: Object.fromEntries(values.map(([name]) => [name, columnOf(name)])),
      position: columnOf("position"),
      isFoundBy: (column, name) =>
        sql`${column} = ${columnOf(name)} and ${column} = any(array(select ${columnOf(name)} from ${part}))`,
    };
    return list;
  };

  /** The events' numbers in one step: counting them one by one in the trigger takes time that grows with the square. */
  const counted = (isMade: SQL, count: SQL) => {
    const { eventCounters: counters } = tables;
    const step = db
      .select({ runId: run.runId, seq: sql`cast(${count} as bigint)`.as("seq") })
      .from(run)
      .where(isMade);
    return added(
      "counted",
      db
        .insert(counters)
        .select(step)
        .onConflictDoUpdate({ target: counters.runId, set: { seq: sql`${counters.seq} + excluded.seq` } })
        .returning({ seq: counters.seq, kept: keepSeq("on").as("kept") }),
    );
  };

  const allOrNone = (change: Query, count: SQL, log?: (numbers: EventNumbers) => Query) => {
    const changed = added("changed", change);
    const changes = sql`(select count(*) from ${changed})`;
    const isMade = sql`${changes} = ${count}`;
    const conditions = [isMade];
    if (log) {
      const numbers = counted(isMade, count);
      const logged = added("logged", log({ isMade, before: sql`(select ${numbers.seq} - ${count} from ${numbers})` }));
      conditions.push(sql`(select count(*) from ${logged} where ${logged.seq} <= ${maxSeq}) = ${count}`);
      conditions.push(sql`(select ${keepSeq("off")}) = 'off'`);
    }
    return db
      .with(turn, run, ...parts)
      .select(columnsOf(changed))
      .from(changed)
      .where(failsUnless(or(sql`${changes} = 0`, and(...conditions))));
  };

  const part = (name: string, query: Query) => {
    const made = added(name, query);
    return { from: sql`${made}`, columns: columnsOf(made), made };
  };

  const seenWithChanged = (seen: { made: Part }, more: Columns, chosen: { made: Part }, changed: { made: Part }) => {
    const count = sql`(select cast(count(*) as integer) from ${chosen.made})`;
    return db
      .with(...parts)
      .select({ ...columnsOf(seen.made), ...more, ...columnsOf(changed.made) })
      .from(seen.made)
      .leftJoin(changed.made, sql`true`)
      .where(failsUnless(sql`(select count(*) from ${changed.made}) in (0, ${count})`));
  };

  // Part of the cast of `lens.ts`: the locked run is an alias of a query, typed here as the table.
  return {
    ...lens,
    t: { ...lens.t, runs: run },
    time,
    timeIn,
    lockedRunId: sql`(select ${run.runId} from ${run})`,
    entries,
    chosen,
    isText,
    object,
    withEvent,
    allOrNone,
    unlocked: { ...lens, part, seenWithChanged },
  } as unknown as AtOnceLens;
}

const maxSeq = sql.raw(String(Number.MAX_SAFE_INTEGER));

/** Whether the trigger keeps a number that an event brings, until the end of the transaction. */
function keepSeq(value: "on" | "off"): SQL {
  return sql`set_config('run_blackboard.keep_seq', ${sql.raw(`'${value}'`)}, true)`;
}

/** Division by zero, since SQL has no other way to fail, and half of a change would be committed. */
function failsUnless(condition: SQL | undefined): SQL {
  return sql`1 / cast(${condition} as integer) = 1`;
}

function isText(column: AnyColumn, text: SQL): SQL {
  return sql`${column} = (${text} collate "default")`;
}

function object(fields: Readonly<Record<string, SQL>>): SQL {
  const pairs = Object.entries(fields).map(([name, value]) => sql`${sql.raw(`'${name}'`)}, ${value}`);
  return sql`jsonb_build_object(${sql.join(pairs, sql`, `)})`;
}
