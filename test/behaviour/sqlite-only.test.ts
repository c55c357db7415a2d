/**
 * Behaviour of a synchronous engine only: callbacks that must not be async, `using`, and a connection shared with
 * users.
 */
import { eq } from "drizzle-orm";
import { BlackboardError, ClosedError, InvalidInputError, openBlackboard } from "run-blackboard";
import * as schema from "run-blackboard/schema";
import { describe, expect, test } from "vitest";
import { caught, caughtUnchanged, everything, openRun } from "./engine.ts";
import { open, sqliteFile } from "./sqlite.ts";

const brief = { tier: 0, role: "coder" };

async function openFile() {
  const { board: any, place } = await openRun(sqliteFile);
  return { place, board: open({ runId: "run-1", file: any.location }) };
}

describe("an async transaction callback", () => {
  test("is rejected before it runs, and nothing is written", async () => {
    const { place, board } = await openFile();
    let begun = false;
    const callback = async () => {
      begun = true;
      board.createBrief(brief);
    };
    const error = await caughtUnchanged(place, InvalidInputError, () => board.transaction(callback as never));
    expect(error.issues.map(({ path }) => path)).toEqual(["fn"]);
    expect(begun).toBe(false);
  });

  test.each([
    ["a promise", () => Promise.resolve(1)],
    ["a promise that rejects", () => Promise.reject(new Error("mine"))],
    ["an instance of a class of promises", () => new (class Later extends Promise<void> {})(() => undefined)],
  ])("that returns %s without being declared async is rolled back and rejected", async (_, returned) => {
    const { place, board } = await openFile();
    const error = await caughtUnchanged(place, InvalidInputError, () =>
      board.transaction((tx) => {
        tx.createBrief(brief);
        return returned() as never;
      }),
    );
    expect(error.issues.map(({ path }) => path)).toEqual(["fn"]);
  });

  test("is rejected alone inside a transaction: the outer one commits its writes", async () => {
    const { board } = await openFile();
    board.transaction((tx) => {
      tx.createBrief({ briefId: "outer", ...brief });
      const inner = () => {
        tx.createBrief({ briefId: "inner", ...brief });
        return Promise.resolve();
      };
      expect(() => tx.transaction(inner as never)).toThrow(InvalidInputError);
    });
    expect(board.listBriefs().items.map(({ briefId }) => briefId)).toEqual(["outer"]);
  });

  test("that continues after the rejection gets ClosedError from its tx", async () => {
    const { place, board } = await openFile();
    const before = await everything(place);
    let later: unknown;
    const callback = (tx: Pick<typeof board, "createBrief">) => {
      later = Promise.resolve().then(() => tx.createBrief(brief));
      return later;
    };
    await caught(InvalidInputError, () => board.transaction(callback as never));
    await expect(later).rejects.toThrow(ClosedError);
    expect(await everything(place)).toEqual(before);
  });
});

describe("close", () => {
  test("runs at the end of a `using` block, after success and after an error", async () => {
    const { board } = await openFile();
    const kept = [];
    {
      using again = openBlackboard({ runId: "run-1", file: board.location });
      kept.push(again);
      expect(again.getRun()).toBeDefined();
    }
    expect(() => {
      using again = openBlackboard({ runId: "run-1", file: board.location });
      kept.push(again);
      throw new Error("mine");
    }).toThrow("mine");
    for (const closed of kept) expect(() => closed.getRun()).toThrow(ClosedError);
  });

  test("throws a BlackboardError while a query of the user is still iterating, and succeeds afterwards", async () => {
    const { board } = await openFile();
    const rows = board.drizzle.$client.prepare("SELECT 1 UNION SELECT 2").iterate();
    rows.next();
    await caught(BlackboardError, () => board.close());
    rows.return?.();
    board.close();
    expect(() => board.getRun()).toThrow(ClosedError);
  });
});

describe("a transaction", () => {
  test("throws a BlackboardError while a query of the user is still iterating, and succeeds afterwards", async () => {
    const { board } = await openFile();
    const rows = board.drizzle.$client.prepare("SELECT 1 UNION SELECT 2").iterate();
    rows.next();
    await caught(BlackboardError, () => board.transaction((tx) => tx.createBrief(brief)));
    rows.return?.();
    expect(board.transaction((tx) => tx.createBrief(brief)).status).toBe("pending");
  });

  test("rejects a callback that returns an object with its own `then`, even if `then` throws", async () => {
    const { place, board } = await openFile();
    const thenable = {
      // biome-ignore lint/suspicious/noThenProperty: that is what is tried.
      then() {
        throw new Error("mine");
      },
    };
    const callback = (tx: Pick<typeof board, "createBrief">) => {
      tx.createBrief(brief);
      return thenable;
    };
    await caughtUnchanged(place, InvalidInputError, () => board.transaction(callback as never));
  });

  test("throws ClosedError for tx.drizzle after its end", async () => {
    const { board } = await openFile();
    const kept = board.transaction((tx) => ({ tx }));
    expect(() => kept.tx.drizzle).toThrow(ClosedError);
  });
});

describe("board.drizzle", () => {
  test("reads the tables of run-blackboard/schema", async () => {
    const { board } = await openFile();
    board.createBrief({ briefId: "b", ...brief, payload: { task: 1 } });
    const rows = board.drizzle.select().from(schema.briefs).where(eq(schema.briefs.role, "coder")).all();
    expect(rows).toMatchObject([{ briefId: "b", payload: { task: 1 }, result: null }]);
  });

  test("writes inside the transaction and rolls back with it", async () => {
    const { place, board } = await openFile();
    await caughtUnchanged(place, InvalidInputError, () =>
      board.transaction((tx) => {
        tx.drizzle.update(schema.runs).set({ goal: "changed" }).run();
        expect(tx.getRun()?.goal).toBe("changed");
        tx.createBrief({ tier: -1, role: "coder" });
      }),
    );
    board.transaction((tx) => tx.drizzle.update(schema.runs).set({ goal: "changed" }).run());
    expect(board.getRun()?.goal).toBe("changed");
  });

  test("causes a BlackboardError, not a partial commit, when the user ends the transaction by SQL", async () => {
    const { place, board } = await openFile();
    await caughtUnchanged(place, BlackboardError, () =>
      board.transaction((tx) => {
        tx.createBrief(brief);
        tx.drizzle.$client.exec("ROLLBACK");
        tx.createBrief(brief);
      }),
    );
    expect(board.createBrief(brief).status).toBe("pending");
  });
});

describe("a large filter", () => {
  test("of more roles than a statement may have parameters returns briefs or throws a BlackboardError", async () => {
    const { board } = await openFile();
    board.createBrief(brief);
    const role = [...Array.from({ length: 40_000 }, (_, index) => `role ${index}`), "coder"];
    try {
      expect(board.listBriefs({ role }).items).toHaveLength(1);
    } catch (error) {
      expect(error).toBeInstanceOf(BlackboardError);
    }
  });
});
