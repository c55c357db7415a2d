/**
 * migrate MIGRATIONS: applies these migrations to the schema of each connection string it reads and prints the outcome.
 */

import { migratePostgres } from "../../../src/postgres/migrate.ts";
import { connectPostgres } from "../../../src/postgres/pool.ts";
import { heard, say } from "../../processes/programs/talk.ts";

const migrations = JSON.parse(process.argv[2] ?? "[]");
say("ready");
for await (const url of heard()) {
  const connection = connectPostgres({ connection: url, schema: undefined, transactionTimeoutMs: 30_000 });
  try {
    await migratePostgres(connection, migrations);
    say("ok");
  } catch (error) {
    say(String(error));
  } finally {
    await connection.close();
  }
}
