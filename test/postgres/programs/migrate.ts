/**
 * migrate MIGRATIONS: brings each schema up to date that it hears the connection string of, by these migrations, and says how
 * that went.
 */
import { connectPostgres } from "../../../src/engines/postgres-pool.ts";
import { migratePostgres } from "../../../src/migrations/postgres.ts";
import { heard, say } from "../../processes/programs/talk.ts";

const migrations = JSON.parse(process.argv[2] ?? "[]");
say("ready");
for await (const url of heard()) {
  const connection = connectPostgres(url);
  try {
    await migratePostgres(connection, migrations);
    say("ok");
  } catch (error) {
    say(String(error));
  } finally {
    await connection.close();
  }
}
