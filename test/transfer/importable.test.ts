/** Each export can be imported again: what an import would refuse is not exported, or is no reason to refuse. */
import { randomBytes } from "node:crypto";
import { BlackboardError, importRun, UnreadableRowError } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { caught } from "../behaviour/engine.ts";
import { sites, textOf, wholeRun } from "./places.ts";

function files() {
  const [, make] = sites[0] ?? [];
  if (!make) throw new Error("no files");
  return make();
}

/** A run with ids as the Python module may store them. */
async function longIds(length: number) {
  const there = await files();
  const board = await there.open("r");
  await board.createRun("a goal");
  await board.createBrief({ briefId: "b", tier: 1, role: "coder" });
  const [id, other] = [randomBytes(length).toString("hex"), randomBytes(length).toString("hex")];
  await there.sql(
    "r",
    `UPDATE briefs SET brief_id = '${id}', parent_brief_id = '${other}', role = '${other}', tier = -1`,
  );
  await there.sql(
    "r",
    `INSERT INTO workstreams (workstream_id, run_id, name, tier, owner_agent_id, created_at, updated_at)
     VALUES ('${other}', 'r', '', 0, '', '2026-01-02T03:04:05+00:00', '2026-01-02T03:04:05+00:00')`,
  );
  await there.sql(
    "r",
    `INSERT INTO events (event_id, run_id, brief_id, kind, created_at)
     VALUES ('${other}', 'r', '${id}', 'failed', '2026-01-02T03:04:05+00:00')`,
  );
  return { there, board };
}

describe.each(sites)("into %s", (name, site) => {
  test("long and empty ids of the Python module are imported as they are", async () => {
    const { there, board } = await longIds(500);
    const text = await textOf(there.run("r"));
    const to = await site();
    await importRun([text], to.anywhere);
    const { summary: _, ...rows } = await wholeRun(await to.open("r"));
    expect(await wholeRun(board)).toMatchObject(rows);
    expect(await textOf(to.run("r"))).toBe(text);
  });

  test("ids of any length are imported, or a server says that it can't index them", async () => {
    const { there } = await longIds(20_000);
    const text = await textOf(there.run("r"));
    const to = await site();
    if (name === "files") {
      await importRun([text], to.anywhere);
      expect(await textOf(to.run("r"))).toBe(text);
    } else {
      const before = await to.contents();
      const error = await caught(BlackboardError, () => importRun([text], to.anywhere));
      expect(error.message).toContain("index row");
      expect(await to.contents()).toEqual(before);
    }
  });
});

test.each([
  ["brief", "tier", "UPDATE briefs SET tier = 1 << 40"],
  ["brief", "role", "UPDATE briefs SET role = 'a' || char(0)"],
  ["brief", "payload", `UPDATE briefs SET payload = '{"a":["\\u0000"]}'`],
  ["brief", "createdAt", "UPDATE briefs SET created_at = 'yesterday'"],
  ["brief", "status", "UPDATE briefs SET status = 'paused'"],
  ["workstream", "name", "UPDATE workstreams SET name = x'00ff'"],
  ["event", "kind", "UPDATE events SET kind = 'started'"],
  ["event", "seq", "UPDATE events SET seq = -1"],
])("a row that no import accepts is named when it is exported: %s.%s", async (entity, column, change) => {
  const there = await files();
  const board = await there.open("r");
  await board.createRun("a goal");
  await board.createWorkstream({ workstreamId: "w", name: "a part", tier: 1 });
  await board.spawnBrief({ briefId: "b", tier: 1, role: "coder" });
  await there.sql("r", change);
  expect(await caught(UnreadableRowError, () => textOf(there.run("r")))).toMatchObject({ entity, column });
});
