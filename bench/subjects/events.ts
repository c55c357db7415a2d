/** Appending events, with and without a brief, and reading them. */
import { newId } from "../../src/input/new-id.ts";
import { type EventRow, eventColumns, now, parseEvent } from "../raw.ts";
import { reference } from "../reference.ts";
import { detail, idOf, withBriefs, withEvents } from "../samples.ts";
import { runId } from "../sites.ts";
import { calling, reading, type Subject, writing } from "../subject.ts";

export const events: Subject = {
  name: "events",
  lines: [
    {
      name: "logEvent",
      levels: writing,
      async sides(sites) {
        const board = sites.board();
        const insert = sites.raw().prepare<unknown[], EventRow>(
          `INSERT INTO events (event_id, run_id, brief_id, kind, detail, created_at) VALUES (?, ?, NULL, ?, ?, ?)
           ON CONFLICT DO NOTHING RETURNING ${eventColumns}`,
        );
        return {
          ours: calling(() => board.logEvent("spawned", { detail })),
          raw: calling(() => {
            const [row] = insert.all(newId(), runId, "spawned", JSON.stringify(detail), now());
            return row && parseEvent(row);
          }),
          ...(await reference(sites, "logEvent")),
        };
      },
    },
    {
      name: "logEvent of a brief",
      levels: writing,
      sides(sites) {
        const board = sites.board(withBriefs(1));
        const insert = sites.raw(withBriefs(1)).prepare<unknown[], EventRow>(
          `INSERT INTO events (event_id, run_id, brief_id, kind, detail, created_at)
           SELECT ?, run_id, brief_id, ?, ?, ? FROM briefs WHERE run_id = ? AND brief_id = ?
           ON CONFLICT DO NOTHING RETURNING ${eventColumns}`,
        );
        return {
          ours: calling(() => board.logEvent("completed", { briefId: idOf(0), detail })),
          raw: calling(() => {
            const [row] = insert.all(newId(), "completed", JSON.stringify(detail), now(), runId, idOf(0));
            return row && parseEvent(row);
          }),
        };
      },
    },
    {
      name: "listEvents, 100 of 150",
      levels: reading,
      sides(sites) {
        const board = sites.board(withEvents(150));
        const list = sites
          .raw(withEvents(150))
          .prepare<[string, number], EventRow>(
            `SELECT ${eventColumns} FROM events WHERE run_id = ? ORDER BY seq LIMIT ?`,
          );
        return {
          ours: calling(() => board.listEvents().items),
          raw: calling(() => list.all(runId, 101).slice(0, 100).map(parseEvent)),
        };
      },
    },
    {
      name: "listEvents, the 10 newest",
      levels: reading,
      sides(sites) {
        const board = sites.board(withEvents(150));
        const list = sites
          .raw(withEvents(150))
          .prepare<[string, number, number], EventRow>(
            `SELECT ${eventColumns} FROM events WHERE run_id = ? AND seq > ? ORDER BY seq LIMIT ?`,
          );
        return {
          ours: calling(() => board.listEvents({ after: 140 }).items),
          raw: calling(() => list.all(runId, 140, 101).map(parseEvent)),
        };
      },
    },
  ],
};
