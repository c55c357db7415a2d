/** What every engine promises, on PostgreSQL. */
import { getTableName, is } from "drizzle-orm";
import { PgTable } from "drizzle-orm/pg-core";
import type pg from "pg";
import { openPostgresBlackboard } from "run-blackboard/postgres";
import * as tables from "run-blackboard/postgres/schema";
import { afterAll, describe, onTestFinished } from "vitest";
import type { Engine } from "../behaviour/engine.ts";
import { behaviour } from "../behaviour/suite.ts";
import { transactions } from "../behaviour/transactions.ts";
import { hasServer, makeSchema, newPool, type Schema } from "./fresh.ts";

type Made = Awaited<ReturnType<typeof makeSchema>>;

/** Used again once they are emptied: making the tables takes longer than nearly any test. */
const unused: Made[] = [];
afterAll(async () => {
  for (const { drop } of unused) await drop();
});

async function emptySchema(): Promise<Schema> {
  const made = unused.pop() ?? (await makeSchema());
  onTestFinished(async () => {
    await made.schema.sql(deletions);
    unused.push(made);
  });
  return made.schema;
}

const names = Object.values(tables).flatMap((table) => (is(table, PgTable) ? [getTableName(table)] : []));
/** All other tables refer to runs, and to nothing else. */
const deletions = [...names.filter((name) => name !== "runs"), "runs"].map((name) => `DELETE FROM ${name};`).join("");

function engine(name: string, connectionTo: (schema: Schema) => string | pg.Pool): Engine {
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
  behaviour(
    engine("PostgreSQL", ({ url }) => url),
    { shared: true },
  );

  describe("PostgreSQL through a pool of a single connection", () => {
    transactions(engine("", ({ url }) => newPool(url, { max: 1 })));
  });
});
