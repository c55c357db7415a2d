/** The suite for every engine, on PostgreSQL. */
import { getTableName, is } from "drizzle-orm";
import { PgTable } from "drizzle-orm/pg-core";
import pg from "pg";
import { openPostgresBlackboard } from "run-blackboard/postgres";
import * as tables from "run-blackboard/postgres/schema";
import { afterAll, describe, onTestFinished } from "vitest";
import type { Engine } from "../behaviour/engine.ts";
import { behaviour } from "../behaviour/suite.ts";
import { transactions } from "../behaviour/transactions.ts";
import { hasServer, makeSchema, newPool, type Schema, withOption } from "./fresh.ts";

interface Made {
  readonly schema: Schema;
  /** One caller's pool for all tests: a new connection takes longer than nearly any of them. */
  readonly pool: pg.Pool;
  drop(): Promise<void>;
}

/** Schemas are emptied and reused. */
const unused: Made[] = [];
afterAll(async () => {
  for (const { drop } of unused) await drop();
});

async function make(): Promise<Made> {
  const { schema, drop } = await makeSchema();
  // Nothing is found by the search_path: every statement has to name its schema.
  const pool = new pg.Pool({ connectionString: withOption(schema.url, "search_path=pg_catalog") });
  return { schema, pool, drop: () => pool.end().then(drop) };
}

async function emptySchema(): Promise<Made> {
  const made = unused.pop() ?? (await make());
  onTestFinished(async () => {
    await made.schema.sql(deletions);
    unused.push(made);
  });
  return made;
}

const names = Object.values(tables).flatMap((table) => (is(table, PgTable) ? [getTableName(table)] : []));
/** All other tables reference runs, and no other table. */
const deletions = [...names.filter((name) => name !== "runs"), "runs"].map((name) => `DELETE FROM ${name};`).join("");

function engine(name: string, connectionTo: (made: Made) => string | pg.Pool): Engine {
  return {
    name,
    async place() {
      const made = await emptySchema();
      const { schema } = made;
      const connection = connectionTo(made);
      return {
        async open(options) {
          const board = await openPostgresBlackboard({ ...options, connection });
          onTestFinished(() => board.close());
          return board;
        },
        sql: (text) => schema.sql(text),
      };
    },
  };
}

describe.skipIf(!hasServer)("the behaviour of a blackboard", () => {
  behaviour(
    engine("PostgreSQL", ({ pool }) => pool),
    { shared: true, long: true },
  );

  describe("PostgreSQL through a pool of a single connection", () => {
    transactions(engine("", ({ schema }) => newPool(schema.url, { max: 1 })));
  });
});
