/** The recipe for repeating after a ConnectionError, on a server that is restarted in between. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import { startRecipe } from "../recipes/recipe.ts";
import { freshSchema, hasServer, open } from "./fresh.ts";
import { type PrivateServer, startPrivateServer } from "./server.ts";

describe.skipIf(!hasServer)("repeating until a response arrives", () => {
  let server: PrivateServer | undefined;
  beforeAll(() => {
    server = startPrivateServer();
  });
  afterAll(() => server?.stop());

  test("does everything once although the server goes away repeatedly", async ({ skip }) => {
    if (!server) return skip("no private server");
    const schema = await freshSchema(server.url);
    const count = 60;
    const args = ["r", String(count)];
    const env = { DATABASE_URL: schema.url };
    const cwd = temporaryFolder();
    const agents = await Promise.all([1, 2].map(() => startRecipe("repeat", { cwd, args, env })));
    for (const [mode, lines] of [
      ["immediate", 2],
      ["fast", 10],
      ["immediate", 20],
    ] as const) {
      // Either process may do more of the work.
      await Promise.any(agents.map((agent) => agent.until((all) => all[lines])));
      server.restart(mode);
    }
    for (const agent of agents) expect(await agent.ended).toEqual({ code: 0, signal: null, stderr: "" });

    const board = await open(schema, { runId: "r" });
    const { briefs, events } = await board.getRunSummary();
    expect(briefs).toEqual({ pending: 0, active: 0, done: count, failed: 0 });
    expect(events).toMatchObject({ spawned: count, completed: 2 * count, failed: 0 });
    const logged = await schema.sql(
      `SELECT brief_id, kind FROM events WHERE brief_id IS NOT NULL AND kind <> 'retried'`,
    );
    expect(new Set(logged.map(({ brief_id, kind }) => `${brief_id} ${kind}`)).size).toBe(2 * count);
    const retried = await schema.sql(`SELECT detail->>'reason' AS reason FROM events WHERE kind = 'retried'`);
    expect(retried.filter(({ reason }) => reason !== "lease expired")).toEqual([]);
  });
});
