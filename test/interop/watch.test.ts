/** The Python reference writes while a watch runs. */
import { join } from "node:path";
import { openBlackboard } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import { hasPython, openReference } from "./reference.ts";

describe.skipIf(!hasPython)("the Python reference", () => {
  test("writes events that a running watch returns among this package's own", async () => {
    const rounds = 60;
    const folder = temporaryFolder();
    using board = openBlackboard({ runId: "shared", root: join(folder, "runs") });
    board.createRun("follow");
    board.createBrief({ briefId: "counter", tier: 1, role: "counter" });
    const python = await openReference(folder, "shared");
    const writing = python.write(rounds);
    const seqs: number[] = [];
    const byPython: unknown[] = [];
    for await (const { seq, eventId, kind, briefId, detail } of board.watchEvents({ pollMs: 1 })) {
      seqs.push(seq);
      if (eventId === "last") break;
      if (detail.by === "python") byPython.push({ kind, briefId, n: detail.n });
      if (seqs.length === 20) board.logEvent("retried");
      if (seqs.length === rounds + 1) board.logEvent("completed", { eventId: "last" });
    }
    await writing;
    expect(byPython).toEqual(
      Array.from({ length: rounds }, (_, n) => ({ kind: "spawned", briefId: `python/${n}`, n })),
    );
    expect(seqs).toEqual(board.listEvents({ limit: 1000 }).items.map(({ seq }) => seq));
    await python.close();
  });
});
