/** Rows written by another program: read as far as possible and never partly changed. */
import type { Blackboard } from "run-blackboard";
import { DatabaseError, UnreadableRowError } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import { caught } from "./engine.ts";
import { connectTo, open } from "./sqlite.ts";

/** Opens a blackboard and a separate connection that writes rows as the reference does. */
function openWithWriter() {
  const board = open({ runId: "r", file: `${temporaryFolder()}/blackboard.db` });
  board.createRun("a goal");
  const client = connectTo(board.location);
  const insertBrief = client.prepare(
    `INSERT INTO briefs (brief_id, run_id, parent_brief_id, workstream_id, tier, role, status, payload, result, retry_count,
      created_at, updated_at) VALUES (?, 'r', NULL, NULL, 1, 'coder', 'active', ?, ?, 2,
      '2026-01-02T03:04:05.678901+00:00', '2026-01-02T03:04:05.678901+00:00')`,
  );
  const insertEvent = client.prepare(
    `INSERT INTO events (event_id, run_id, kind, detail, created_at)
      VALUES (?, 'r', 'failed', ?, '2026-01-02T03:04:05.678901+00:00')`,
  );
  return {
    board,
    client,
    brief: (id: string, payload: unknown, result: unknown = null) => insertBrief.run(id, payload, result),
    event: (id: string, detail: unknown) => insertEvent.run(id, detail),
    rows: () => client.prepare("SELECT * FROM briefs ORDER BY brief_id").all(),
  };
}

/** Texts that are not JSON objects, keyed by the reason. */
const unreadable: [string, unknown][] = [
  ["an array", "[1]"],
  ["a number", "5"],
  ["a string", '"x"'],
  ["true", "true"],
  ["no JSON", "not json"],
  ["nothing", ""],
  ["a blank", " "],
  ["an object cut short", '{"a": 1'],
  ["an object and more", "{} {}"],
  ["single quotes", "{'a': 1}"],
  ["a comma too many", '{"a": 1,}'],
  ["a comment", '{"a": 1} // x'],
  ["a line break in a string", '{"a": "x\ny"}'],
  ["NaN in an array at the top", "[NaN]"],
  ["half a NaN", '{"a": NaNNaN}'],
  ["a byte order mark", "\ufeff{}"],
  ["NUL after the object", "{}\0x"],
  ["NUL in a string", '{"a": "x\0y"}'],
  ["bytes that are no JSON", Buffer.from([1, 2, 3])],
];

const writes: [string, (board: Blackboard<"sync">) => unknown][] = [
  ["updateBriefStatus", (board) => board.updateBriefStatus("b", "done")],
  ["updateBriefStatus with from", (board) => board.updateBriefStatus("b", "done", { from: ["pending", "active"] })],
  ["incrementBriefRetry", (board) => board.incrementBriefRetry("b")],
];

describe.each(unreadable)("a brief whose payload holds %s", (_, payload) => {
  test("throws UnreadableRowError with its id and column when read", async () => {
    const { board, brief } = openWithWriter();
    brief("b", payload);
    for (const read of [() => board.getBrief("b"), () => board.listBriefs()]) {
      const error = await caught(UnreadableRowError, read);
      expect(error).toMatchObject({ code: "UNREADABLE_ROW", entity: "brief", id: "b", column: "payload" });
    }
  });

  test("throws UnreadableRowError when written, and the row stays unchanged", async () => {
    const { board, brief, rows } = openWithWriter();
    brief("b", payload);
    const before = rows();
    const result = [
      "updateBriefResult",
      (all: Blackboard<"sync">) => all.updateBriefResult("b", { ok: true }),
    ] as const;
    for (const [, write] of [...writes, result]) {
      await caught(UnreadableRowError, () => write(board));
      expect(rows()).toEqual(before);
    }
  });
});

describe.each(unreadable)("a brief whose result holds %s", (_, result) => {
  test("throws UnreadableRowError when read and written, and the row stays unchanged", async () => {
    const { board, brief, rows } = openWithWriter();
    brief("b", "{}", result);
    const before = rows();
    for (const [, call] of [...writes, ["getBrief", () => board.getBrief("b")] as const]) {
      expect(await caught(UnreadableRowError, () => call(board))).toMatchObject({ id: "b", column: "result" });
      expect(rows()).toEqual(before);
    }
  });

  test("is readable again after a new result", () => {
    const { board, brief } = openWithWriter();
    brief("b", '{"task": 1}', result);
    board.updateBriefResult("b", { ok: true });
    expect(board.getBrief("b")).toMatchObject({ payload: { task: 1 }, result: { ok: true }, status: "done" });
  });
});

describe("an unreadable row", () => {
  test("of an event throws UnreadableRowError when listed and when logged again", async () => {
    const { board, event } = openWithWriter();
    event("e", "[1]");
    for (const call of [() => board.listEvents(), () => board.logEvent("failed", { eventId: "e" })]) {
      const error = await caught(UnreadableRowError, call);
      expect(error).toMatchObject({ entity: "event", id: "e", column: "detail" });
    }
  });

  test("written in a transaction that continues stays unchanged, and the other writes are stored", async () => {
    const { board, brief, client } = openWithWriter();
    brief("b", "not json");
    board.transaction((tx) => {
      tx.createBrief({ briefId: "new", tier: 0, role: "coder" });
      expect(() => tx.updateBriefStatus("b", "done")).toThrow(UnreadableRowError);
      expect(() => tx.incrementBriefRetry("b")).toThrow(UnreadableRowError);
    });
    expect(client.prepare("SELECT brief_id, status, retry_count FROM briefs ORDER BY brief_id").all()).toEqual([
      { brief_id: "b", status: "active", retry_count: 2 },
      { brief_id: "new", status: "pending", retry_count: 0 },
    ]);
  });

  test("created again throws UnreadableRowError, not ConflictError", async () => {
    const { board, brief } = openWithWriter();
    brief("b", "not json");
    await caught(UnreadableRowError, () => board.createBrief({ briefId: "b", tier: 1, role: "coder" }));
  });

  test("does not keep other rows from being read, written, counted or created as its children", () => {
    const { board, brief } = openWithWriter();
    brief("b", "not json");
    brief("c", "{}");
    expect(board.updateBriefStatus("c", "done").status).toBe("done");
    expect(board.listBriefs({ status: "done" }).items).toHaveLength(1);
    expect(board.getRunSummary().briefs).toMatchObject({ active: 1, done: 1 });
    expect(board.createBrief({ parentBriefId: "b", tier: 2, role: "coder" }).parentBriefId).toBe("b");
    expect(board.logEvent("failed", { briefId: "b" }).briefId).toBe("b");
  });

  test("keeps the parser's error as the cause and does not show the whole row", async () => {
    const { board, brief } = openWithWriter();
    brief("b", "x".repeat(100_000));
    const error = await caught(UnreadableRowError, () => board.getBrief("b"));
    expect(error.cause).toBeInstanceOf(SyntaxError);
    expect(error.message.length).toBeLessThan(500);
  });
});

describe("a row of the reference", () => {
  test("with NULL or JSON null reads as an empty payload and detail and as no result", () => {
    const { board, brief, event } = openWithWriter();
    brief("a", null);
    brief("b", "null", "null");
    event("e", null);
    event("f", "null");
    for (const { payload, result } of board.listBriefs().items)
      expect({ payload, result }).toEqual({ payload: {}, result: null });
    expect(board.listEvents().items.map(({ detail }) => detail)).toEqual([{}, {}]);
    expect(board.updateBriefStatus("b", "done")).toMatchObject({ status: "done", payload: {}, result: null });
  });

  test("keeps its times unchanged", () => {
    const { board, brief } = openWithWriter();
    brief("b", "{}");
    expect(board.getBrief("b")?.createdAt).toBe("2026-01-02T03:04:05.678901+00:00");
    expect(board.incrementBriefRetry("b")).toMatchObject({
      retryCount: 3,
      createdAt: "2026-01-02T03:04:05.678901+00:00",
    });
  });

  test("with Python's NaN and Infinity reads as null and can be written", () => {
    const { board, brief, event } = openWithWriter();
    brief("b", '{"a": NaN, "b": [-Infinity, Infinity], "c": "NaN \\" Infinity", "NaN": "\\\\"}', '{"score": NaN}');
    event("e", '{"ratio": Infinity}');
    const payload = { a: null, b: [null, null], c: 'NaN " Infinity', NaN: "\\" };
    expect(board.getBrief("b")).toMatchObject({ payload, result: { score: null } });
    expect(board.listEvents().items[0]?.detail).toEqual({ ratio: null });
    expect(board.updateBriefStatus("b", "done")).toMatchObject({ status: "done", payload });
    expect(board.incrementBriefRetry("b").retryCount).toBe(3);
    expect(board.createBrief({ briefId: "b", tier: 1, role: "coder", payload }).status).toBe("done");
  });

  test("with a NaN before five million characters of escapes reads whole", () => {
    const { board, brief } = openWithWriter();
    brief("b", `{"score": NaN, "text": "${"\\u4e2d\\n".repeat(625_000)}"}`);
    expect(board.getBrief("b")?.payload).toEqual({ score: null, text: "中\n".repeat(625_000) });
  });

  test("nested deeper than the limit for writes reads and can be updated", () => {
    const { board, brief } = openWithWriter();
    brief("b", `{"a": ${"[".repeat(1500)}${"]".repeat(1500)}}`);
    expect(board.updateBriefStatus("b", "done").status).toBe("done");
  });

  test("whose parent and workstream do not exist reads and is listed", () => {
    const { board, brief, client } = openWithWriter();
    brief("b", "{}");
    client.prepare("UPDATE briefs SET parent_brief_id = 'gone', workstream_id = 'gone'").run();
    expect(board.getBrief("b")).toMatchObject({ parentBriefId: "gone", workstreamId: "gone" });
    expect(board.listBriefs({ parentBriefId: "gone", workstreamId: "gone" }).items).toHaveLength(1);
  });
});

describe("a trigger added by a user", () => {
  test("that aborts a write causes DatabaseError with the driver's error as its cause, and nothing is written", async () => {
    const { board, client } = openWithWriter();
    client.exec("CREATE TRIGGER no BEFORE INSERT ON briefs BEGIN SELECT RAISE(ABORT, 'not on Sundays'); END");
    const error = await caught(DatabaseError, () => board.createBrief({ tier: 0, role: "coder" }));
    expect(error.code).toBe("DATABASE");
    expect(error.message).toContain("not on Sundays");
    expect(error.cause).toMatchObject({ code: "SQLITE_CONSTRAINT_TRIGGER" });
    expect(board.listBriefs().items).toEqual([]);
  });

  test("that ignores a write causes DatabaseError, which names the row and the cause", async () => {
    const { board, client } = openWithWriter();
    board.createWorkstream({ workstreamId: "w", name: "api", tier: 0 });
    const ignored = async (row: string, call: () => unknown) =>
      expect((await caught(DatabaseError, call)).message).toBe(
        `Writing ${row} stored nothing, and no rule of the blackboard prevented it. ` +
          "Check the table for a trigger that ends in RAISE(IGNORE).",
      );
    for (const table of ["workstreams", "briefs", "events"])
      client.exec(`CREATE TRIGGER no_${table} BEFORE INSERT ON ${table} BEGIN SELECT RAISE(IGNORE); END`);
    await ignored('workstream "new"', () => board.createWorkstream({ workstreamId: "new", name: "ui", tier: 0 }));
    await ignored('brief "new"', () => board.createBrief({ briefId: "new", tier: 0, role: "coder" }));
    await ignored('event "new"', () => board.logEvent("spawned", { eventId: "new" }));
    client.exec("CREATE TRIGGER no_run BEFORE UPDATE ON runs BEGIN SELECT RAISE(IGNORE); END");
    client.exec("CREATE TRIGGER no_move BEFORE UPDATE ON workstreams BEGIN SELECT RAISE(IGNORE); END");
    await ignored(`run "${board.runId}"`, () => board.updateRunStatus("done"));
    await ignored(`run "${board.runId}"`, () => board.updateRunStatus("done", { from: "pending" }));
    await ignored('workstream "w"', () => board.updateWorkstreamStatus("w", "done"));
    expect([board.getRun()?.status, board.getWorkstream("w")?.status]).toEqual(["pending", "pending"]);
    client.exec("DELETE FROM workstreams; DELETE FROM runs");
    client.exec("CREATE TRIGGER no_runs BEFORE INSERT ON runs BEGIN SELECT RAISE(IGNORE); END");
    await ignored(`run "${board.runId}"`, () => board.createRun("a goal"));
  });

  test("that rolls the transaction back causes an error, and nothing is stored", async () => {
    const { board, client } = openWithWriter();
    client.exec("CREATE TRIGGER no BEFORE INSERT ON events BEGIN SELECT RAISE(ROLLBACK, 'all of it'); END");
    await caught(DatabaseError, () =>
      board.transaction((tx) => {
        tx.updateRunStatus("done");
        expect(() => tx.logEvent("spawned")).toThrow("all of it");
        expect(() => tx.createBrief({ tier: 0, role: "coder" })).toThrow(DatabaseError);
      }),
    );
    expect(board.getRun()?.status).toBe("pending");
    expect(board.listBriefs().items).toEqual([]);
    expect(board.createBrief({ tier: 0, role: "coder" }).status).toBe("pending");
  });
});
