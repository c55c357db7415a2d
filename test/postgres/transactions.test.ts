/** Transactions with promises: concurrent calls, calls that are not awaited, Drizzle's own transactions. */
import { eq } from "drizzle-orm";
import { npmVersion } from "drizzle-orm/version";
import { type Blackboard, ClosedError, DatabaseError, type Mode } from "run-blackboard";
import { tablesIn } from "run-blackboard/postgres/schema";
import { describe, expect, test } from "vitest";
import { caught } from "../behaviour/engine.ts";
import { freshSchema, hasServer, newPool, open, openRun } from "./fresh.ts";

const brief = { tier: 0, role: "coder" };

async function openOne() {
  const schema = await freshSchema();
  const pool = newPool(schema.url, { max: 1 });
  return { tables: tablesIn(schema.name), schema, pool, board: await openRun(schema, { connection: pool }) };
}
const ids = async (board: Blackboard<Mode>) => (await board.listBriefs()).items.map(({ briefId }) => briefId).sort();

describe.skipIf(!hasServer)("calls in a callback", () => {
  test("may be made concurrently, including nested transactions: they run in turn", async () => {
    const { board } = await openOne();
    await board.transaction(async (tx) => {
      const singles = Array.from({ length: 10 }, (_, n) => tx.createBrief({ briefId: `single-${n}`, ...brief }));
      const nested = Array.from({ length: 10 }, (_, n) =>
        board.transaction(async (inner) => {
          await Promise.all([inner.createBrief({ briefId: `nested-${n}`, ...brief }), tx.logEvent("spawned")]);
          if (n % 2) throw new Error("undone");
        }),
      );
      await Promise.all(singles);
      const endings = await Promise.allSettled(nested);
      expect(endings.map(({ status }) => status)).toEqual(nested.map((_, n) => (n % 2 ? "rejected" : "fulfilled")));
    });
    const { briefs, events } = await board.getRunSummary();
    expect([briefs.pending, events.spawned]).toEqual([15, 5]);
  });

  test("that are not awaited belong to the transaction; those made after its end are rejected or run outside it", async () => {
    const { board } = await openOne();
    const late: Promise<unknown>[] = [];
    let passed = () => {};
    const over = new Promise<void>((resolve) => {
      passed = resolve;
    });
    await board.transaction((tx) => {
      void tx.createBrief({ briefId: "first", ...brief });
      void tx.transaction(async (inner) => {
        await inner.createBrief({ briefId: "second", ...brief });
        await board.createBrief({ briefId: "third", ...brief });
      });
      late.push(
        over.then(() => caught(ClosedError, () => tx.createBrief(brief))),
        over.then(() => board.createBrief({ briefId: "alone", ...brief })),
      );
    });
    expect(await ids(board)).toEqual(["first", "second", "third"]);
    passed();
    await Promise.all(late);
    expect(await ids(board)).toEqual(["alone", "first", "second", "third"]);
  });

  test("that fail leave concurrent calls in place", async () => {
    const { board } = await openOne();
    const codes = await board.transaction(async (tx) => {
      const endings = await Promise.allSettled([
        tx.createBrief({ briefId: "one", ...brief }),
        tx.updateBriefStatus("nobody", "done"),
        tx.createBrief({ briefId: "two", ...brief }),
        tx.createBrief({ briefId: "bad", tier: -1, role: "coder" }),
        tx.logEvent("spawned", { briefId: "one" }),
      ]);
      return endings.map((ending) => (ending.status === "fulfilled" ? "ok" : ending.reason.code));
    });
    expect(codes).toEqual(["ok", "NOT_FOUND", "ok", "INVALID_INPUT", "ok"]);
    expect(await ids(board)).toEqual(["one", "two"]);
  });
});

describe.skipIf(!hasServer)("tx.drizzle", () => {
  test("is in the transaction, and so is board.drizzle inside it", async () => {
    const { board, tables } = await openOne();
    const mine = new Error("mine");
    const failing = board.transaction(async (tx) => {
      await tx.createBrief({ briefId: "b", ...brief });
      for (const database of [tx.drizzle, board.drizzle]) {
        await database.update(tables.briefs).set({ tier: 7 }).where(eq(tables.briefs.briefId, "b"));
        expect((await database.select().from(tables.briefs))[0]?.tier).toBe(7);
      }
      expect((await tx.getBrief("b"))?.tier).toBe(7);
      throw mine;
    });
    await expect(failing).rejects.toBe(mine);
    expect(await board.drizzle.$count(tables.briefs)).toBe(0);
  });

  test.skipIf(npmVersion.startsWith("1."))(
    "has relational queries, which Drizzle 1.0 declares differently",
    async () => {
      const { board } = await openOne();
      const tier = await board.transaction(async (tx) => {
        await tx.createBrief({ briefId: "b", ...brief });
        return (await tx.drizzle.query.briefs.findFirst())?.tier;
      });
      expect([tier, (await board.drizzle.query.briefs.findFirst())?.tier]).toEqual([brief.tier, brief.tier]);
    },
  );

  test("has transactions that are savepoints: the outer transaction can still be undone", async () => {
    const { board, tables } = await openOne();
    const failing = board.transaction(async (tx) => {
      await tx.drizzle.transaction(async (inner) => {
        await inner.update(tables.runs).set({ goal: "changed" });
        await tx.createBrief({ briefId: "b", ...brief });
      });
      const undone = tx.drizzle.transaction(async (inner) => {
        await inner.update(tables.runs).set({ goal: "undone" });
        inner.rollback();
      });
      await expect(undone).rejects.toThrow("Rollback");
      expect((await tx.getRun())?.goal).toBe("changed");
      throw new Error("mine");
    });
    await expect(failing).rejects.toThrow("mine");
    expect([(await board.getRun())?.goal, await ids(board)]).toEqual(["a goal", []]);
  });

  test("throws ClosedError after the end, because its connection may be in use elsewhere", async () => {
    const { board, pool, tables } = await openOne();
    const kept = await board.transaction(async (tx) => [tx.drizzle]);
    const other = await pool.connect();
    await expect(kept[0]?.update(tables.runs).set({ goal: "late" })).rejects.toMatchObject({
      cause: expect.any(ClosedError),
    });
    other.release();
    expect((await board.getRun())?.goal).toBe("a goal");
  });

  test("undoes the whole transaction when a query fails outside a nested one; further calls throw and say so", async () => {
    const { board } = await openOne();
    const wrong = (database: typeof board.drizzle) => database.execute("SELECT 1/0").catch(() => undefined);
    const inside = await caught(DatabaseError, () =>
      board.transaction(async (tx) => {
        await tx.createBrief({ briefId: "b", ...brief });
        await wrong(tx.drizzle);
        const error = await caught(DatabaseError, () => tx.createBrief(brief));
        expect(error.message).toContain("nested transaction");
      }),
    );
    expect(inside.message).toContain("rolled this transaction back");
    expect(await ids(board)).toEqual([]);
    await board.transaction(async (tx) => {
      await tx.createBrief({ briefId: "b", ...brief });
      await caught(DatabaseError, () => tx.transaction(async (inner) => void (await wrong(inner.drizzle))));
      await tx.createBrief({ briefId: "c", ...brief });
    });
    expect(await ids(board)).toEqual(["b", "c"]);
  });
});

describe.skipIf(!hasServer)("transactions of one run", () => {
  test("run one after another, even before the run exists and when it is created outside meanwhile", async () => {
    const schema = await freshSchema();
    const boards = await Promise.all([open(schema), open(schema), open(schema)]);
    const order: string[] = [];
    const steps = boards.map((board, n) =>
      board.transaction(async (tx) => {
        order.push(`begin ${n}`);
        const run = await tx.getRun();
        if (order.length === 1) await boards[(n + 1) % 3]?.drizzle.insert(tablesIn(schema.name).runs).values(outside);
        order.push(`end ${n}`);
        return run?.goal;
      }),
    );
    const goals = await Promise.all(steps);
    for (let n = 0; n < 6; n += 2) expect(order[n + 1]).toBe(order[n]?.replace("begin", "end"));
    expect(goals.toSorted()).toEqual(["outside", "outside", undefined]);
  });

  test("of different runs do not wait for each other", async () => {
    const schema = await freshSchema();
    const [one, two] = [await openRun(schema), await openRun(schema, { runId: "run-2" })];
    await one.transaction(async () => {
      await two.transaction((tx) => tx.logEvent("spawned"));
    });
    expect((await two.getRunSummary()).lastSeq).toBe(1);
  });
});

const outside = { runId: "run-1", goal: "outside", createdAt: "", updatedAt: "" };
