/** Creating and reading briefs. */
import type Database from "better-sqlite3";
import { newId } from "../../src/input/new-id.ts";
import { type BriefRow, briefColumns, now, parseBrief } from "../raw.ts";
import { reference } from "../reference.ts";
import { idOf, payload, withBriefs } from "../samples.ts";
import { runId } from "../sites.ts";
import { calling, reading, type Subject, writing } from "../subject.ts";

const columns = `brief_id, run_id, parent_brief_id, workstream_id, tier, role, status, payload, result, retry_count,
  created_at, updated_at`;

/** The foreign key checks that the run exists. */
export function insertWithoutParent(db: Database.Database): () => BriefRow | undefined {
  const insert = db.prepare<unknown[], BriefRow>(
    `INSERT INTO briefs (${columns}) VALUES (?, ?, NULL, NULL, ?, ?, 'pending', ?, NULL, 0, ?, ?)
     ON CONFLICT DO NOTHING RETURNING ${briefColumns}`,
  );
  return () => {
    const time = now();
    const [row] = insert.all(newId(), runId, 1, "coder", JSON.stringify(payload), time, time);
    return row && parseBrief(row);
  };
}

/** There is no foreign key to the parent, so the statement checks that it exists. */
function insertWithParent(db: Database.Database): () => BriefRow | undefined {
  const insert = db.prepare<unknown[], BriefRow>(
    `INSERT INTO briefs (${columns})
     SELECT ?, run_id, brief_id, NULL, ?, ?, 'pending', ?, NULL, 0, ?, ? FROM briefs WHERE run_id = ? AND brief_id = ?
     ON CONFLICT DO NOTHING RETURNING ${briefColumns}`,
  );
  return () => {
    const time = now();
    const [row] = insert.all(newId(), 2, "coder", JSON.stringify(payload), time, time, runId, idOf(0));
    return row && parseBrief(row);
  };
}

export const briefs: Subject = {
  name: "briefs",
  lines: [
    {
      name: "createBrief",
      levels: writing,
      async sides(sites) {
        const board = sites.board();
        return {
          ours: calling(() => board.createBrief({ tier: 1, role: "coder", payload })),
          raw: calling(insertWithoutParent(sites.raw())),
          ...(await reference(sites, "createBrief")),
        };
      },
    },
    {
      name: "createBrief with a parent",
      levels: writing,
      sides(sites) {
        const board = sites.board(withBriefs(1));
        return {
          ours: calling(() => board.createBrief({ parentBriefId: idOf(0), tier: 2, role: "coder", payload })),
          raw: calling(insertWithParent(sites.raw(withBriefs(1)))),
        };
      },
    },
    {
      name: "10,000 creates in a transaction",
      levels: writing,
      sides(sites) {
        const board = sites.board();
        const db = sites.raw();
        const insert = insertWithoutParent(db);
        const all = db.transaction(() => {
          for (let n = 0; n < 10_000; n++) insert();
        });
        return {
          ours: calling(() =>
            board.transaction((tx) => {
              for (let n = 0; n < 10_000; n++) tx.createBrief({ tier: 1, role: "coder", payload });
            }),
          ),
          raw: calling(() => all.immediate()),
        };
      },
    },
    {
      name: "getBrief",
      levels: reading,
      sides(sites) {
        const board = sites.board(withBriefs(1000));
        const find = sites
          .raw(withBriefs(1000))
          .prepare<[string, string], BriefRow>(`SELECT ${briefColumns} FROM briefs WHERE run_id = ? AND brief_id = ?`);
        return {
          ours: calling(() => board.getBrief(idOf(500))),
          raw: calling(() => {
            const row = find.get(runId, idOf(500));
            return row && parseBrief(row);
          }),
        };
      },
    },
    {
      name: "listBriefs, 100 of 150",
      levels: reading,
      sides(sites) {
        const board = sites.board(withBriefs(150));
        const list = sites
          .raw(withBriefs(150))
          .prepare<[string, number], BriefRow>(
            `SELECT ${briefColumns} FROM briefs WHERE run_id = ? ORDER BY created_at, brief_id LIMIT ?`,
          );
        return {
          ours: calling(() => board.listBriefs().items),
          raw: calling(() => list.all(runId, 101).slice(0, 100).map(parseBrief)),
        };
      },
    },
    {
      name: "listBriefs of a role, the oldest",
      levels: reading,
      sides(sites) {
        const board = sites.board(withBriefs(150));
        const list = sites
          .raw(withBriefs(150))
          .prepare<[string, string, number], BriefRow>(
            `SELECT ${briefColumns} FROM briefs WHERE run_id = ? AND role = ? ORDER BY created_at, brief_id LIMIT ?`,
          );
        return {
          ours: calling(() => board.listBriefs({ role: "coder", limit: 1 }).items),
          raw: calling(() => list.all(runId, "coder", 2).slice(0, 1).map(parseBrief)),
        };
      },
    },
  ],
};
