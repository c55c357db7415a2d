/** Losing the server during a transfer: an error, and nothing half-written. */
import { exportRun, importRun } from "run-blackboard";
import { postgresRun } from "run-blackboard/postgres";
import { describe, expect, test } from "vitest";
import { freshSchema, hasServer, openRun, type Schema, withOption } from "../postgres/fresh.ts";
import { textOf } from "./places.ts";

const name = "to_be_ended";

/** Terminates the sessions of the tested place. */
async function endSessions(schema: Schema): Promise<void> {
  const ended = await schema.sql(
    "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE application_name = $1",
    [name],
  );
  expect(ended.length).toBeGreaterThan(0);
}

describe.skipIf(!hasServer)("losing the connection", () => {
  test("during an import or an export throws ConnectionError and leaves nothing", async () => {
    const schema = await freshSchema();
    const board = await openRun(schema);
    for (let n = 0; n < 20; n++) await board.logEvent("spawned");
    const lines = (await textOf(postgresRun({ runId: "run-1", connection: schema.url }))).split(/(?<=\n)/);
    const connection = withOption(schema.url, `application_name=${name}`);

    async function* interrupted() {
      yield* lines.slice(0, 10);
      await endSessions(schema);
      yield* lines.slice(10);
    }
    const importing = importRun(interrupted(), postgresRun({ runId: "run-2", connection }));
    await expect(importing).rejects.toMatchObject({ code: "CONNECTION" });
    expect(await schema.sql("SELECT run_id FROM runs")).toEqual([{ run_id: "run-1" }]);

    const pieces = exportRun(postgresRun({ runId: "run-1", connection }));
    await pieces.next();
    await endSessions(schema);
    await expect(pieces.next()).rejects.toMatchObject({ code: "CONNECTION" });
    await importRun(lines, postgresRun({ runId: "run-2", connection }));
  });
});
