/** The low-level updates of briefs, over a thousand briefs in turn. */
import { type BriefRow, briefColumns, now, parseBrief } from "../raw.ts";
import { reference } from "../reference.ts";
import { idOf, result, withBriefs } from "../samples.ts";
import { runId, type Sites } from "../sites.ts";
import { calling, type Subject, writing } from "../subject.ts";

const ids = Array.from({ length: 1000 }, (_, n) => idOf(n));
const seed = withBriefs(ids.length);

/** Calls `update` with each id in turn; `odd` is true the first, third, … time for the same id. */
function overAll(update: (briefId: string, odd: boolean) => unknown): () => unknown {
  let n = 0;
  return () => {
    const odd = Math.floor(n / ids.length) % 2 === 0;
    return update(ids[n++ % ids.length] ?? "", odd);
  };
}

function prepareUpdate(sites: Sites, change: string): (...parameters: unknown[]) => BriefRow | undefined {
  const update = sites.raw(seed).prepare<unknown[], BriefRow>(`UPDATE briefs SET ${change} RETURNING ${briefColumns}`);
  return (...parameters) => {
    const [row] = update.all(...parameters);
    return row && parseBrief(row);
  };
}

export const updates: Subject = {
  name: "updates",
  lines: [
    {
      name: "updateBriefStatus",
      levels: writing,
      async sides(sites) {
        const board = sites.board(seed);
        const update = prepareUpdate(
          sites,
          "status = ?, lease_expires_at = NULL, updated_at = ? WHERE run_id = ? AND brief_id = ?",
        );
        return {
          ours: calling(overAll((id, odd) => board.updateBriefStatus(id, odd ? "active" : "pending"))),
          raw: calling(overAll((id, odd) => update(odd ? "active" : "pending", now(), runId, id))),
          ...(await reference(sites, "updateBriefStatus")),
        };
      },
    },
    {
      name: "updateBriefStatus with from",
      levels: writing,
      sides(sites) {
        const board = sites.board(seed);
        const set =
          "status = ?, lease_expires_at = NULL, updated_at = ? WHERE run_id = ? AND brief_id = ? AND status IN (?)";
        const update = prepareUpdate(sites, set);
        return {
          ours: calling(
            overAll((id, odd) =>
              odd
                ? board.updateBriefStatus(id, "active", { from: "pending" })
                : board.updateBriefStatus(id, "pending", { from: "active" }),
            ),
          ),
          raw: calling(
            overAll((id, odd) =>
              odd ? update("active", now(), runId, id, "pending") : update("pending", now(), runId, id, "active"),
            ),
          ),
        };
      },
    },
    {
      name: "updateBriefResult",
      levels: writing,
      async sides(sites) {
        const board = sites.board(seed);
        const set =
          "result = ?, status = 'done', lease_expires_at = NULL, updated_at = ? WHERE run_id = ? AND brief_id = ?";
        const update = prepareUpdate(sites, set);
        return {
          ours: calling(overAll((id) => board.updateBriefResult(id, result))),
          raw: calling(overAll((id) => update(JSON.stringify(result), now(), runId, id))),
          ...(await reference(sites, "updateBriefResult")),
        };
      },
    },
    {
      name: "incrementBriefRetry",
      levels: writing,
      async sides(sites) {
        const board = sites.board(seed);
        const set = "retry_count = retry_count + 1, updated_at = ? WHERE run_id = ? AND brief_id = ?";
        const update = prepareUpdate(sites, set);
        return {
          ours: calling(overAll((id) => board.incrementBriefRetry(id))),
          raw: calling(overAll((id) => update(now(), runId, id))),
          ...(await reference(sites, "incrementBriefRetry")),
        };
      },
    },
  ],
};
