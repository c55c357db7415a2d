/** Creating workstreams: one INSERT into a table that no other table references. */
import { newId } from "../../src/input/new-id.ts";
import { now, workstreamColumns } from "../raw.ts";
import { reference } from "../reference.ts";
import { runId } from "../sites.ts";
import { calling, type Subject, writing } from "../subject.ts";

export const workstreams: Subject = {
  name: "workstreams",
  lines: [
    {
      name: "createWorkstream",
      levels: writing,
      async sides(sites) {
        const board = sites.board();
        const insert = sites.raw().prepare(
          `INSERT INTO workstreams (workstream_id, run_id, name, tier, status, owner_agent_id, created_at, updated_at)
           VALUES (?, ?, ?, ?, 'pending', ?, ?, ?) ON CONFLICT DO NOTHING RETURNING ${workstreamColumns}`,
        );
        return {
          ours: calling(() => board.createWorkstream({ name: "HTTP API", tier: 1, ownerAgentId: "lead" })),
          raw: calling(() => {
            const time = now();
            return insert.all(newId(), runId, "HTTP API", 1, "lead", time, time)[0];
          }),
          ...(await reference(sites, "createWorkstream")),
        };
      },
    },
  ],
};
