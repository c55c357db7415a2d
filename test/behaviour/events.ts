/** Events: the log of a run, in write order. */
import { ConflictError, NotFoundError } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { caughtUnchanged, type Engine, everything, openRun } from "./engine.ts";

export function events(engine: Engine): void {
  describe("events", () => {
    test("logEvent stores the event with the clock's time and returns it with its seq", async () => {
      const { board, place, clock } = await openRun(engine);
      await board.createBrief({ briefId: "b", tier: 0, role: "coder" });
      clock.advance(77);
      const event = await board.logEvent("failed", { eventId: "e-1", briefId: "b", detail: { reason: "disk" } });
      expect(event).toStrictEqual({
        seq: event.seq,
        eventId: "e-1",
        runId: "run-1",
        briefId: "b",
        kind: "failed",
        detail: { reason: "disk" },
        createdAt: clock.text,
      });
      expect(Number.isSafeInteger(event.seq) && event.seq > 0).toBe(true);
      expect(await place.sql("SELECT seq, event_id, run_id, brief_id, kind, created_at FROM events")).toEqual([
        {
          seq: event.seq,
          event_id: "e-1",
          run_id: "run-1",
          brief_id: "b",
          kind: "failed",
          created_at: "2026-11-22T06:40:15.200Z",
        },
      ]);
    });

    test.each([
      ["left out", undefined],
      ["empty", {}],
      ["undefined throughout", { eventId: undefined, briefId: undefined, detail: undefined }],
    ])("logEvent with data %s logs an event of the run with a UUIDv7 and the detail {}", async (_, data) => {
      const { board, place } = await openRun(engine);
      const event = await board.logEvent("spawned", data);
      expect(event).toMatchObject({ briefId: null, kind: "spawned", detail: {} });
      expect(event.eventId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
      expect(await place.sql("SELECT 1 AS found FROM events WHERE cast(detail AS text) = '{}'")).toHaveLength(1);
    });

    test("logEvent with null for the brief logs an event of the run", async () => {
      const { board } = await openRun(engine);
      expect((await board.logEvent("spawned", { briefId: null })).briefId).toBeNull();
    });

    test("logEvent accepts every kind and keeps the order of calls, even when the clock stops or goes back", async () => {
      const { board, clock } = await openRun(engine);
      const kinds = ["retried", "spawned", "completed", "escalated", "failed"] as const;
      for (const kind of kinds) {
        await board.logEvent(kind);
        clock.advance(-1000);
      }
      const { items } = await board.listEvents();
      expect(items.map(({ kind }) => kind)).toEqual(kinds);
      const seqs = items.map(({ seq }) => seq);
      expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
      expect(new Set(seqs).size).toBe(5);
    });

    test("logEvent throws NotFoundError for an unknown brief and writes nothing", async () => {
      const { board, place } = await openRun(engine);
      const error = await caughtUnchanged(place, NotFoundError, () => board.logEvent("failed", { briefId: "none" }));
      expect(error).toMatchObject({ entity: "brief", id: "none" });
    });

    test("logEvent leaves the brief unchanged", async () => {
      const { board, clock } = await openRun(engine);
      const brief = await board.createBrief({ briefId: "b", tier: 0, role: "coder" });
      clock.advance(5);
      await board.logEvent("completed", { briefId: "b" });
      expect(await board.getBrief("b")).toStrictEqual(brief);
    });

    test("logEvent throws ConflictError for a different event when newId returns an id twice, and writes nothing", async () => {
      const { board, place } = await openRun(engine, { newId: () => "same" });
      await board.logEvent("spawned");
      const error = await caughtUnchanged(place, ConflictError, () => board.logEvent("failed"));
      expect(error).toMatchObject({ code: "CONFLICT", entity: "event", id: "same" });
    });

    test("logEvent does not silently drop a second equal event when newId returns an id twice", async () => {
      const { board, place } = await openRun(engine, { newId: () => "same" });
      await board.logEvent("failed", { detail: { disk: 1 } });
      const error = await caughtUnchanged(place, ConflictError, () =>
        board.logEvent("failed", { detail: { disk: 1 } }),
      );
      expect(error).toMatchObject({ entity: "event", id: "same" });
    });

    test("getRunSummary returns the newest event's seq as lastSeq", async () => {
      const { board } = await openRun(engine);
      expect((await board.getRunSummary()).lastSeq).toBe(0);
      await board.logEvent("spawned");
      const { seq } = await board.logEvent("failed");
      expect((await board.getRunSummary()).lastSeq).toBe(seq);
    });

    test("logEvent stores an event once when its id is given twice", async () => {
      const { board, place, clock } = await openRun(engine);
      const first = await board.logEvent("spawned", { eventId: "e", detail: { a: 1, b: 2 } });
      const before = await everything(place);
      clock.advance(5);
      expect(await board.logEvent("spawned", { eventId: "e", detail: { b: 2, a: 1 } })).toStrictEqual(first);
      expect(await everything(place)).toEqual(before);
    });
  });
}
