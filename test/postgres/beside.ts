/** Calls beside transactions of the same run. */
import type { Blackboard } from "run-blackboard";
import { expect } from "vitest";
import { freshSchema, newPool, open, openRun, withOption } from "./fresh.ts";

/** Two blackboards of one run: what one calls is not in the transaction of the other. */
export async function two() {
  const schema = await freshSchema();
  const connection = newPool(withOption(schema.url, `application_name=${schema.name}`));
  const board = await openRun(schema, { connection });
  const other = await open(schema, { connection });
  const waits = `SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND application_name = '${schema.name}'`;
  const someoneWaits = () => expect.poll(() => schema.sql(waits), { timeout: 30_000 }).not.toEqual([]);
  /** Calls `call` while a transaction has changed the run, and returns its outcome after the commit. */
  const during = async <T>(
    change: (tx: Parameters<Parameters<typeof board.transaction>[0]>[0]) => unknown,
    call: () => Promise<T>,
  ) => {
    let called: Promise<T> | undefined;
    await board.transaction(async (tx) => {
      await change(tx);
      called = call();
      called.catch(() => undefined);
      await someoneWaits();
    });
    return await (called ?? expect.fail("not called"));
  };
  const place = { open: () => Promise.reject(new Error("It is open.")), sql: (text: string) => schema.sql(text) };
  return { schema, connection, board, other, someoneWaits, during, place };
}

export const logOf = async (board: Blackboard<"async">) =>
  (await board.listEvents()).items.map(({ kind, briefId }) => `${kind} ${briefId}`);
