/** Watching a file: the cost of an idle watch, and other activity on its connection. */
import { join } from "node:path";
import { type BlackboardEvent, type OpenOptions, UnreadableRowError } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import { caught } from "./engine.ts";
import { connectTo, open } from "./sqlite.ts";
import { take } from "./watch.ts";

const pollMs = 1;

function openRun(options: Partial<OpenOptions> = {}) {
  const file = join(temporaryFolder(), "blackboard.db");
  const board = open({ runId: "run-1", file, synchronous: "normal", ...options });
  board.createRun("a goal");
  return { board, file };
}

/** An event as another program inserts it. */
const row = (id: string) =>
  `INSERT INTO events (event_id, run_id, kind, created_at) VALUES ('${id}', 'run-1', 'failed', '2026-11-22')`;

/** Lets watches poll at least this often: each turn is a timer like theirs, set later. */
async function polls(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await new Promise((resolve) => setTimeout(resolve, pollMs));
}

describe("a watch of a file", () => {
  test("runs no query while nothing is written, and one after a write by this or another connection or by the user's SQL", async () => {
    let queries = 0;
    const { board, file } = openRun({ logger: { logQuery: () => void queries++ } });
    const other = open({ runId: "run-1", file });
    const program = connectTo(file);
    const given: string[] = [];
    const watching = (async () => {
      for await (const { eventId } of board.watchEvents({ pollMs })) given.push(eventId);
    })();
    await polls(3);
    const writes: [string, () => unknown][] = [
      ["mine", () => board.logEvent("failed", { eventId: "mine" })],
      ["other", () => other.logEvent("failed", { eventId: "other" })],
      ["plain", () => program.exec(row("plain"))],
      ["driver", () => board.drizzle.$client.exec(row("driver"))],
    ];
    for (const [eventId, write] of writes) {
      write();
      while (given.at(-1) !== eventId) await polls(1);
      await polls(2);
      queries = 0;
      await polls(20);
      expect(queries).toBe(0);
    }
    board.close();
    await watching;
    expect(given).toEqual(writes.map(([id]) => id));
  });

  test("does not return events of a transaction that the user began on the driver until it commits", async () => {
    for (const options of [{}, { file: ":memory:" }]) {
      const { board } = openRun(options);
      const client = board.drizzle.$client;
      const given: string[] = [];
      const watching = (async () => {
        for await (const { eventId } of board.watchEvents({ pollMs })) given.push(eventId);
      })();
      for (const end of ["ROLLBACK", "COMMIT"]) {
        client.exec("BEGIN");
        board.logEvent("failed", { eventId: end });
        await polls(10);
        expect(given).toEqual([]);
        client.exec(end);
      }
      while (given.length === 0) await polls(1);
      expect(given).toEqual(["COMMIT"]);
      board.close();
      await watching;
    }
  });

  test("continues while a query of the user is iterating", async () => {
    const { board, file } = openRun();
    for (let n = 0; n < 3; n++) board.logEvent("spawned", { eventId: `e${n}` });
    const program = connectTo(file);
    const next = take(board.watchEvents({ after: 3, pollMs }), 1);
    for (const _ of board.drizzle.$client.prepare("SELECT * FROM events").iterate()) {
      program.exec("DELETE FROM events WHERE event_id = 'late'");
      program.exec(row("late"));
      await polls(5);
    }
    expect(await next).toMatchObject([{ eventId: "late" }]);
  });

  test("waits for a connection that has locked the file against reading without blocking this process", async () => {
    const { board, file } = openRun({ busyTimeoutMs: 2 ** 31 - 1 });
    board.drizzle.$client.pragma("journal_mode = DELETE");
    const next = take(board.watchEvents({ pollMs }), 1);
    await polls(3);
    const other = connectTo(file);
    other.exec("BEGIN EXCLUSIVE");
    other.exec(row("e"));
    await polls(10);
    other.exec("COMMIT");
    expect(await next).toMatchObject([{ eventId: "e" }]);
  });

  test("ends when the user closes the driver's connection", async () => {
    const { board } = openRun();
    const next = take(board.watchEvents({ pollMs }), 1);
    await polls(3);
    board.drizzle.$client.close();
    expect(await next).toEqual([]);
  });

  test("returns all events before an unreadable row and then throws its error", async () => {
    const { board } = openRun();
    for (let n = 0; n < 700; n++) board.logEvent("spawned", { eventId: `e${n}` });
    board.drizzle.$client.exec("UPDATE events SET detail = 'no JSON' WHERE event_id = 'e611'");
    const given: BlackboardEvent[] = [];
    const error = await caught(UnreadableRowError, async () => {
      for await (const event of board.watchEvents()) given.push(event);
    });
    expect(error).toMatchObject({ entity: "event", id: "e611", column: "detail" });
    expect(given.map(({ eventId }) => eventId)).toEqual(Array.from({ length: 611 }, (_, n) => `e${n}`));
  });
});
