/** The commands for people on PostgreSQL: the same as on files. */
import { expect, test } from "vitest";
import { freshSchema, hasServer, open } from "../postgres/fresh.ts";
import { printed, run } from "./command.ts";

const long = ["01a22414-a087-7086-8675-68f9563e2573", "01a22414-a087-7086-8675-68f8563e2573"] as const;

test.skipIf(!hasServer)("ids, filters, batches and names work on a server", async () => {
  const schema = await freshSchema();
  let age = 7_200_000;
  const board = await open(schema, { runId: "webhooks", clock: () => new Date(Date.now() - age) });
  await board.createRun("a goal");
  await board.createWorkstream({ workstreamId: "w", name: "A part", tier: 1 });
  const base = { tier: 1, role: "coder" };
  for (const briefId of long) await board.spawnBrief({ ...base, briefId, workstreamId: "w" });
  await board.spawnBrief({ ...base, briefId: "last", after: [long[0]], parentBriefId: long[0] });
  await board.claimBrief({ agentId: "old", leaseMs: 60_000 });
  age = 0;
  await board.failBrief(long[1]);
  await board.close();

  const env = { RUN_BLACKBOARD_POSTGRES: schema.url };
  const text = (...words: string[]) => {
    const { code, stdout, stderr } = run(words, { env });
    expect({ words, code, stderr }).toEqual({ words, code: 0, stderr: "" });
    return stdout;
  };
  const rows = (...words: string[]) =>
    text(...words, "--json")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
  expect(text("briefs", "webhooks")).toMatch(/^…9563e2573 +active.*old/m);
  expect(rows("brief", "webhooks", "8563e2573")).toMatchObject([{ briefId: long[1] }]);
  expect(rows("brief", "ooks", "8563e2573")).toMatchObject([{ briefId: long[1] }]);
  expect(run(["brief", "webhooks", "563e2573"], { env }).stderr).toContain("may be any of these briefs");
  expect(run(["brief", "webhooks", "lats"], { env }).stderr).toContain('Did you mean "last"?');
  expect(run(["summary", "webhoks"], { env }).stderr).toMatch(/no run "webhoks" in .*Did you mean "webhooks"\?/);
  expect(rows("briefs", "webhooks", "--stuck")).toMatchObject([{ briefId: long[0] }]);
  expect(rows("briefs", "webhooks", "--agent", "old", "--since", "3h")).toMatchObject([{ briefId: long[0] }]);
  expect(rows("briefs", "webhooks", "--waiting")).toMatchObject([{ briefId: "last" }]);
  expect(rows("agents")).toMatchObject([{ agentId: "old", briefs: [{ briefId: long[0], isExpired: true }] }]);
  const seqs = (...words: string[]) => rows("events", ...words).map(({ kind }) => kind);
  expect(seqs("--tail", "2")).toEqual(["spawned", "failed"]);
  expect(seqs("--since", "1h")).toEqual(["failed"]);
  expect(seqs("--until", "1h", "--kind", "spawned,failed", "--tail", "1")).toEqual(["spawned"]);
  expect(text("retry", "webhooks", "--failed", "--reason", "again")).toBe("…8563e2573  pending\n1 brief changed\n");
  expect(text("release", "webhooks", "--stuck")).toBe("…9563e2573  pending\n1 brief changed\n");
  expect(text("cancel", "webhooks", "9563e2573")).toContain("2 briefs changed");
  expect(text("set-status", "webhooks", "review")).toBe("webhooks  review\n");
  expect(text("__complete", "--", "brief", "webhooks", "8563")).toBe("");
  expect(text("__complete", "--", "brief", "webhooks", "563e").split("\n")).toContain("563e2573");
  expect(printed("briefs", "webhooks", "--postgres", schema.url, "--wide")).toContain(long[0]);
});
