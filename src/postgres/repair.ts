/** Verifies a PostgreSQL database, and recounts what claims rely on. */
import { sql } from "drizzle-orm";
import type { PostgresTables } from "../../drizzle/schema.postgres.ts";
import { type Flaw, findFlaws } from "../operations/consistency.ts";
import { recount } from "../operations/recount.ts";
import { migrations } from "./embedded.postgres.ts";
import { PostgresEngine } from "./engine.ts";
import { translated } from "./errors.ts";
import { requireCurrentPostgres } from "./migrate.ts";
import { connectPostgres, type Server } from "./pool.ts";

/** Problems found in the rows; the server ensures the integrity of its files and indexes. */
export interface PostgresVerification {
  /** The server, database and schema, without credentials. */
  location: string;
  state: "current";
  problems: Flaw[];
  /** With `repair`: the problems that were found and repaired. */
  repaired?: Flaw[];
}

export async function verifyServer(server: Server, repair: boolean): Promise<PostgresVerification> {
  const connection = connectPostgres(server);
  const { location } = connection;
  try {
    await requireCurrentPostgres(connection, migrations);
    const engine = new PostgresEngine({ connection, runId: "", logger: undefined });
    const problems = await engine.run(findFlaws);
    if (!repair) return { location, state: "current", problems };
    const wrong = problems.filter(({ kind }) => kind === "queue");
    if (wrong.length === 0) return { location, state: "current", problems, repaired: [] };
    await recountAll(engine, connection.tables);
    const left = await engine.run(findFlaws);
    const still = new Set(left.map(({ message }) => message));
    return { location, state: "current", problems: left, repaired: wrong.filter(({ message }) => !still.has(message)) };
  } finally {
    await connection.close();
  }
}

async function recountAll(engine: PostgresEngine, { briefs }: PostgresTables): Promise<void> {
  await engine.transaction(async (session) => {
    try {
      // Keeps others from changing briefs, and from locking them: a blocker that becomes done meanwhile would be counted wrongly,
      // and a trigger that holds a row lock would be in a deadlock with this. Reading goes on. Drizzle's builder has no LOCK.
      await session.drizzle.execute(sql`LOCK TABLE ${briefs} IN EXCLUSIVE MODE`);
    } catch (error) {
      throw translated(error, engine.location);
    }
    await session.run(recount);
  });
}
