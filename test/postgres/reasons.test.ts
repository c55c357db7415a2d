/** What a server does to a call is what its error says, and a copy within a pool does not wait for itself. */
import { BusyError, copyRun, InvalidInputError } from "run-blackboard";
import { postgresRun } from "run-blackboard/postgres";
import { describe, expect, test } from "vitest";
import { caught } from "../behaviour/engine.ts";
import { freshSchema, hasServer, newClient, newPool, openRun, withOption } from "./fresh.ts";

describe.skipIf(!hasServer)("a statement that the server cancels", () => {
  async function waitingForLock(setting?: string) {
    const schema = await freshSchema();
    const url = withOption(schema.url, `application_name=${schema.name}`);
    const board = await openRun({ url: setting === undefined ? url : withOption(url, setting) });
    await board.createBrief({ briefId: "b", tier: 1, role: "coder" });
    const holder = await newClient(schema.url);
    await holder.query("BEGIN");
    await holder.query("UPDATE briefs SET status = status");
    return { schema, board };
  }

  test("for statement_timeout names it, alone and in a transaction", async () => {
    const { board } = await waitingForLock("statement_timeout=300ms");
    for (const call of [
      () => board.updateBriefStatus("b", "done"),
      () => board.transaction((tx) => tx.updateBriefStatus("b", "done")),
    ]) {
      const { message } = await caught(BusyError, call);
      expect(message).toContain("statement timeout");
      expect(message).toContain("raise `statement_timeout`");
      expect(message).not.toContain("other transactions");
    }
  });

  test("for a user says so", async () => {
    const { schema, board } = await waitingForLock();
    const cancelled = caught(BusyError, () => board.updateBriefStatus("b", "done"));
    const cancel = `SELECT pg_cancel_backend(pid) FROM pg_stat_activity
      WHERE application_name = $1 AND wait_event_type = 'Lock'`;
    await expect.poll(() => schema.sql(cancel, [schema.name]), { timeout: 30_000 }).not.toEqual([]);
    const { message } = await cancelled;
    expect(message).toContain("user request");
    expect(message).not.toMatch(/other transactions|raise/);
  });
});

describe.skipIf(!hasServer)("copyRun within the caller's pool", () => {
  test("of one connection is refused, which leaves the pool usable; of two it copies", async () => {
    const schema = await freshSchema();
    await openRun(schema);
    const copy = (max: number) => {
      const connection = newPool(schema.url, { max });
      const copied = copyRun(postgresRun({ connection }), postgresRun({ connection, runId: `copy-${max}` }));
      return { copied, connection };
    };
    const { copied, connection } = copy(1);
    const error = await caught(InvalidInputError, () => copied);
    expect(error.issues).toMatchObject([{ path: "connection" }]);
    expect(error.message).toContain("more than 1 connection");
    expect((await connection.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    expect(await copy(2).copied).toMatchObject({ runId: "copy-2" });
  });
});
