/** The suite for every engine, on PostgreSQL. */
import pg from "pg";
import { openPostgresBlackboard } from "run-blackboard/postgres";
import { afterAll, describe, onTestFinished } from "vitest";
import type { Engine } from "../behaviour/engine.ts";
import { behaviour } from "../behaviour/suite.ts";
import { transactions } from "../behaviour/transactions.ts";
import { hasServer, newPool, type Schema, withOption } from "./fresh.ts";
import { emptySchema } from "./reused.ts";

/** One caller's pool for all tests of a schema: a new connection takes longer than nearly any of them. */
const pools = new Map<Schema, pg.Pool>();
afterAll(() => Promise.all([...pools.values()].map((pool) => pool.end())));

function poolFor(schema: Schema): pg.Pool {
  // Nothing is found by the search_path: every statement has to name its schema.
  const connectionString = withOption(schema.url, "search_path=pg_catalog");
  const pool = pools.get(schema) ?? new pg.Pool({ connectionString });
  pools.set(schema, pool);
  return pool;
}

function engine(name: string, connectionTo: (schema: Schema) => pg.Pool): Engine {
  return {
    name,
    async place() {
      const schema = await emptySchema();
      const connection = connectionTo(schema);
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
  behaviour(engine("PostgreSQL", poolFor), { shared: true, long: true });

  describe("PostgreSQL through a pool of a single connection", () => {
    transactions(engine("", ({ url }) => newPool(url, { max: 1 })));
  });
});
