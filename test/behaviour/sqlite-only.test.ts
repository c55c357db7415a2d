/** What only a synchronous engine has: callbacks that must not wait, `using`, and a connection that users share. */
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

describe("an asynchronous callback", () => {
  test("is refused before it begins, and nothing is written", async () => {
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
  ])("that gives %s without being called so is rolled back and refused", async (_, give) => {
    const { place, board } = await openFile();
    const error = await caughtUnchanged(place, InvalidInputError, () =>
      board.transaction((tx) => {
        tx.createBrief(brief);
        return give() as never;
      }),
    );
    expect(error.issues.map(({ path }) => path)).toEqual(["fn"]);
  });

  test("within a transaction is refused alone: what the outer one wrote is stored", async () => {
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

  test("that goes on after the refusal finds its tx closed", async () => {
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

describe("closing", () => {
  test("happens at the end of a `using` block, whether it ends well or not", async () => {
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

  test("while a query of the user's own is still running is refused by an error of this package, and works later", async () => {
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
  test("while a query of the user's own is still running is refused by an error of this package, and works later", async () => {
    const { board } = await openFile();
    const rows = board.drizzle.$client.prepare("SELECT 1 UNION SELECT 2").iterate();
    rows.next();
    await caught(BlackboardError, () => board.transaction((tx) => tx.createBrief(brief)));
    rows.return?.();
    expect(board.transaction((tx) => tx.createBrief(brief)).status).toBe("pending");
  });

  test("that gives something with a `then` of its own is refused, whatever that does", async () => {
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

  test("that is over gives no database to write with", async () => {
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

  test("writes with the transaction and is undone with it", async () => {
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

  test("whose user ends the transaction by hand gets an error of this package, not half a transaction", async () => {
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
  test("of more roles than a statement takes variables is answered or refused with an error of this package", async () => {
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
