/** Watching a server: with many writers, inside a transaction, and while the server is away. */
import pg from "pg";
import { ConnectionError } from "run-blackboard";
import { describe, expect, onTestFinished, test } from "vitest";
import { allEvents, take } from "../behaviour/watch.ts";
import { freshSchema, hasServer, newPool, open, openRun } from "./fresh.ts";
import { startPrograms } from "./program.ts";
import { startPrivateServer } from "./server.ts";

const pollMs = 1;

/** Repeats a call with an id, which is safe to repeat, until the server is back. */
async function throughLosses(write: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await write();
      return;
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
    }
  }
}

describe.skipIf(!hasServer)("a watch on a server", () => {
  test("with 8 writing processes returns each event once and in order, whether it starts before, during or after them", async () => {
    const [writers, count] = [8, 24];
    const schema = await freshSchema();
    const board = await openRun(schema);
    const programs = await startPrograms(writers, "append");
    const total = writers * (count + Math.ceil(count / 3));
    const before = take(board.watchEvents({ pollMs }), total);
    const writing = programs.map((program) => program.ask(JSON.stringify({ connection: schema.url, count })));
    await take(board.watchEvents({ pollMs }), 50);
    const meanwhile = take((await open(schema)).watchEvents({ pollMs }), total);
    const logged = (await Promise.all(writing)).reduce((sum, answer) => sum + Number(answer), 0);
    expect(logged).toBe(total);
    const stored = await allEvents(board);
    expect(stored).toHaveLength(total);
    expect(await before).toEqual(stored);
    expect(await meanwhile).toEqual(stored);
    expect(await take(board.watchEvents(), total)).toEqual(stored);
    await Promise.all(programs.map((program) => program.finish()));
  });

  test("inside a transaction returns committed events, not those that the transaction wrote", async () => {
    const board = await openRun(await freshSchema());
    await board.logEvent("spawned", { eventId: "before" });
    const events = board.watchEvents({ pollMs })[Symbol.asyncIterator]();
    const undone = board.transaction(async (tx) => {
      await tx.logEvent("failed", { eventId: "undone" });
      expect(await events.next()).toMatchObject({ value: { eventId: "before" } });
      // A poll after the write, which finds nothing.
      const next = events.next();
      expect(await take(board.watchEvents({ pollMs }), 1)).toMatchObject([{ eventId: "before" }]);
      await tx.logEvent("failed", { eventId: "undone too" });
      throw Object.assign(new Error("undo"), { next });
    });
    const { next } = await undone.then(
      () => expect.fail(),
      (error: { next: Promise<unknown> }) => error,
    );
    await board.logEvent("spawned", { eventId: "after" });
    expect(await next).toMatchObject({ value: { eventId: "after" } });
    await events.return?.();
  });

  test("continues without a gap when the server goes away and comes back, stopped or crashed", async () => {
    const server = startPrivateServer();
    if (!server) throw new Error("There is a server for the other tests.");
    onTestFinished(() => server.stop());
    const schema = await freshSchema(server.url);
    const board = await open(schema);
    await board.createRun("a goal");
    const ids: string[] = [];
    const watching = take(board.watchEvents({ pollMs }), 40);
    const log = async (count: number) => {
      for (let n = 0; n < count; n++) {
        const eventId = `e${ids.length}`;
        ids.push(eventId);
        await throughLosses(() => board.logEvent("spawned", { eventId }));
      }
    };
    await log(10);
    server.halt();
    // Its polls fail in the meantime.
    for (let n = 0; n < 3; n++) await expect(board.getRun()).rejects.toThrow(ConnectionError);
    server.start();
    await log(10);
    server.restart("immediate");
    await log(10);
    server.restart("fast");
    await log(10);
    expect((await watching).map(({ eventId }) => eventId)).toEqual(ids);
  });

  test("ends immediately when its signal aborts while the server is away or no connection is free", async () => {
    const schema = await freshSchema();
    const pool = newPool(schema.url, { max: 1 });
    const board = await openRun(schema, { connection: pool });
    const abort = new AbortController();
    const held = await pool.connect();
    const watching = take(board.watchEvents({ signal: abort.signal }), 1);
    abort.abort();
    expect(await watching).toEqual([]);
    held.release();
  });

  test("ends when the caller ends the pool", async () => {
    const schema = await freshSchema();
    const pool = new pg.Pool({ connectionString: schema.url });
    const board = await openRun(schema, { connection: pool });
    await board.logEvent("spawned");
    const events = board.watchEvents({ pollMs })[Symbol.asyncIterator]();
    await events.next();
    const next = events.next();
    await pool.end();
    expect((await next).done).toBe(true);
  });
});
