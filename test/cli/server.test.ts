/** The commands for people on PostgreSQL: the same as on files. */
import { expect, test } from "vitest";
import { freshSchema, hasServer, open } from "../postgres/fresh.ts";
import { printed, run } from "./command.ts";

const long = ["01a22414-a087-7086-8675-68f9563e2573", "01a22414-a087-7086-8675-68f8563e2573"] as const;

/** A run with a claim that has expired, a failed brief, and one that waits. */
async function makeRun() {
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
  return { text, rows, errorOf: (...words: string[]) => run(words, { env }).stderr, url: schema.url };
}

test.skipIf(!hasServer)("ids and names are found on a server", async () => {
  const { text, rows, errorOf, url } = await makeRun();
  expect(text("briefs", "webhooks")).toMatch(/^…9563e2573 +active.*old/m);
  expect(rows("brief", "webhooks", "8563e2573")).toMatchObject([{ briefId: long[1] }]);
  expect(rows("brief", "ooks", "8563e2573")).toMatchObject([{ briefId: long[1] }]);
  expect(errorOf("brief", "webhooks", "563e2573")).toContain("may be any of these briefs");
  expect(errorOf("brief", "webhooks", "lats")).toContain('Did you mean "last"?');
  expect(errorOf("summary", "webhoks")).toMatch(/no run "webhoks" in .*Did you mean "webhooks"\?/);
  expect(text("__complete", "--", "brief", "webhooks", "563e").split("\n")).toContain("563e2573");
  expect(printed("briefs", "webhooks", "--postgres", url, "--wide")).toContain(long[0]);
});

test.skipIf(!hasServer)("filters and batches work on a server", async () => {
  const { text, rows } = await makeRun();
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
});
