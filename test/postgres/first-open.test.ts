import { describe, expect, test } from "vitest";
import { migrations } from "../../src/postgres/embedded.postgres.ts";
import { freshSchema, hasServer, open, withOption } from "./fresh.ts";
import { startPrograms } from "./program.ts";

const openers = 16;
const rounds = 3;

describe.skipIf(!hasServer)("the first open", () => {
  test(`by ${openers} concurrent processes, ${rounds} times, applies each migration once without an error or a lost write`, async () => {
    const programs = await startPrograms(openers, "open-first");
    for (let round = 0; round < rounds; round++) {
      const schema = await freshSchema();
      // The last round uses a default isolation level that shows waiting transactions the previous state.
      const url =
        round === rounds - 1 ? withOption(schema.url, "default_transaction_isolation=serializable") : schema.url;
      const outcomes = await Promise.all(programs.map((program) => program.ask(url)));
      expect(outcomes).toEqual(programs.map(() => "ok"));
      const applied = await schema.sql("SELECT hash, created_at FROM __drizzle_migrations ORDER BY id");
      expect(applied).toEqual(migrations.map(({ hash, when }) => ({ hash, created_at: when })));
      expect(await schema.sql("SELECT count(*) AS events, max(seq) AS newest FROM events")).toEqual([
        { events: openers, newest: openers },
      ]);
    }
    await Promise.all(programs.map((program) => program.finish()));
  });

  test("by 16 concurrent calls of one process applies each migration once without an error", async () => {
    const schema = await freshSchema();
    const boards = await Promise.all(Array.from({ length: openers }, (_, n) => open(schema, { runId: `run-${n}` })));
    await Promise.all(boards.map((board) => board.createRun("open together")));
    expect(await schema.sql("SELECT count(*) AS n FROM runs")).toEqual([{ n: openers }]);
    expect(await schema.sql("SELECT count(*) AS n FROM __drizzle_migrations")).toEqual([{ n: migrations.length }]);
  });

  test("of a current database writes nothing and takes no lock", async () => {
    const schema = await freshSchema();
    await (await open(schema)).close();
    await schema.sql("BEGIN");
    await schema.sql("LOCK TABLE __drizzle_migrations, runs IN SHARE MODE");
    // The server rejects writes of this session; its transaction snapshot would include other tests' transactions.
    const readOnly = { ...schema, url: withOption(schema.url, "default_transaction_read_only=on") };
    await (await open(readOnly)).close();
    await schema.sql("ROLLBACK");
  });
});
