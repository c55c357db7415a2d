/**
 * Checks docs/lifecycle.md against the code: tries every move of its table from every state of a brief and compares
 * result or error with the table.
 */
import { readFileSync } from "node:fs";
import {
  type Brief,
  type BriefStatus,
  briefStatuses,
  LostClaimError,
  releaseBrief,
  TransitionError,
} from "run-blackboard";
import { describe, expect, test } from "vitest";
import { moves } from "../../src/operations/lifecycle.ts";
import { type Board, caughtUnchanged, type Engine, openRun } from "./engine.ts";

const page = readFileSync(new URL("../../docs/lifecycle.md", import.meta.url), "utf8");
const codes = (cell: string): string[] => [...cell.matchAll(/`([^`]*)`/g)].map(([, text = ""]) => text);

interface Move {
  title: string;
  /** The method. */
  name: string;
  call: string;
  of: string;
  from: string;
  to: string;
  logs: string[];
  retries: string;
  claimedBy: string;
  lease: string;
  otherwise: string;
}

const table: Move[] = page
  .slice(page.indexOf("## Every move"))
  .split("\n")
  .filter((line) => line.startsWith("| `"))
  .map((line) => {
    const cells = line.split("|").map((cell) => cell.trim());
    const [, call = "", of = "", from = "", to = "", logs = "", retries = "", claimedBy = "", lease = ""] = cells;
    const [name = ""] = /\w+/.exec(call) ?? [];
    const title = `${call} of ${of}${from && `, from ${from}`}`;
    const [otherwise = ""] = codes(cells[9] ?? "");
    return { title, name, call, of, from, to, logs: codes(logs), retries, claimedBy, lease, otherwise };
  });

const agentId = "the agent";
const leaseMs = 1000;

interface Situation {
  status: BriefStatus;
  /** Whether the brief's last claim is current, and whether its lease has expired. */
  current?: boolean;
  expired?: boolean;
  /** Brings a pending brief into this state. Its id is also its role, so "the next" brief is unambiguous. */
  reach(board: Board, briefId: string): unknown;
}

async function claim(board: Board, role: string) {
  return (await board.claimBrief({ agentId, leaseMs, role })) ?? expect.fail("there was nothing to claim");
}

const situations: Record<string, Situation> = {
  "pending and new": { status: "pending", reach: () => undefined },
  "pending again": { status: "pending", reach: async (board, id) => board.retryBrief(await claim(board, id)) },
  "active by a claim": { status: "active", current: true, reach: claim },
  "active by an expired claim": { status: "active", current: true, expired: true, reach: claim },
  "active without a claim": { status: "active", reach: (board, id) => board.updateBriefStatus(id, "active") },
  "done by a claim": { status: "done", reach: async (board, id) => board.completeBrief(await claim(board, id), {}) },
  "done without a claim": { status: "done", reach: (board, id) => board.updateBriefResult(id, {}) },
  "failed by a claim": { status: "failed", reach: async (board, id) => board.failBrief(await claim(board, id)) },
  "failed without a claim": { status: "failed", reach: (board, id) => board.escalateBrief(id) },
};

/** Whether the page allows the move. */
function allows({ of, from }: Move, { status, current, expired }: Situation): boolean {
  if (from === "any") return true;
  if (of === "a claim" && !current) return false;
  return codes(from).includes(status) && (!from.includes("lease expired") || expired === true);
}

/** Makes the move with this brief; a move that takes a claim gets one with the given attempt. */
function make(board: Board, { name, call, of }: Move, brief: Brief, attempt: number): unknown {
  const { briefId, role, retryCount } = brief;
  const claim = { brief, role, attempt, agentId, leaseExpiresAt: "2026-11-22T06:40:16.123Z" };
  const ref = of === "a claim" ? claim : briefId;
  // A result that differs from earlier ones: the same result would be a repeat.
  const result = { by: call };
  switch (name) {
    case "claimBrief": {
      const maxRetries = call.includes("maxRetries") ? retryCount : undefined;
      return board.claimBrief({ agentId: "another", leaseMs: 2 * leaseMs, role, maxRetries });
    }
    case "renewClaim":
      return board.renewClaim(claim, { leaseMs: 2 * leaseMs });
    case "releaseClaim":
      return board.releaseClaim(claim);
    case "completeBrief":
      return of === "a claim" ? board.completeBrief(claim, result) : board.completeBrief(briefId, result);
    case "failBrief":
      return board.failBrief(ref);
    case "escalateBrief":
      return board.escalateBrief(ref);
    case "retryBrief":
      return board.retryBrief(ref);
    case "releaseBrief":
      return releaseBrief(board, briefId);
    case "updateBriefStatus": {
      const status = briefStatuses.find((one) => call.includes(`"${one}"`)) ?? expect.fail(call);
      return board.updateBriefStatus(briefId, status);
    }
    case "updateBriefResult":
      return board.updateBriefResult(briefId, result);
    case "incrementBriefRetry":
      return board.incrementBriefRetry(briefId);
    default:
      return expect.fail(`the page names a call that this test does not know: ${call}`);
  }
}

/** The brief after the move, according to the page. */
function moved({ name, to, retries, claimedBy, lease }: Move, before: Brief, now: Date) {
  const status = to === "the same" ? before.status : codes(to)[0];
  const leaseExpiresAt = new Date(now.getTime() + 2 * leaseMs).toISOString();
  return {
    status,
    retryCount: before.retryCount + (retries === "+ 1" ? 1 : 0),
    attempt: before.attempt + (name === "claimBrief" && status === "active" ? 1 : 0),
    claimedBy: { set: "another", kept: before.claimedBy, cleared: null }[claimedBy],
    leaseExpiresAt: { set: leaseExpiresAt, kept: before.leaseExpiresAt, cleared: null }[lease],
  };
}

export function lifecyclePage(engine: Engine): void {
  describe("docs/lifecycle.md", () => {
    const made = table.filter(({ of }) => of !== "a new id").map((move) => [move.title, move] as const);
    test.each(made)("is true of %s", async (_, move) => {
      const { board, place, clock } = await openRun(engine);
      const stored = async (id: string) => (await board.getBrief(id)) ?? expect.fail(`${id} is not there`);
      for (const [id, situation] of Object.entries(situations)) {
        await board.createBrief({ briefId: id, tier: 1, role: id });
        await situation.reach(board, id);
        if (situation.expired) clock.advance(leaseMs);
        const before = await stored(id);
        const { lastSeq } = await board.getRunSummary();
        const attempting = (attempt: number) => () => make(board, move, before, attempt);
        if (move.of === "a claim" && before.attempt > 0) {
          await caughtUnchanged(place, LostClaimError, attempting(before.attempt - 1));
        }
        // Another row may describe the same call for this state.
        const rows = [
          move,
          ...table.filter(({ name, of }) => name === move.name && of === move.of && name === "claimBrief"),
        ];
        const allowed = rows.find((row) => allows(row, situation));
        if (allowed) {
          await attempting(before.attempt)();
          expect(await stored(id), id).toMatchObject(moved(allowed, before, clock.read()));
          const { items } = await board.listEvents({ after: lastSeq });
          expect(
            items.map(({ kind }) => kind),
            id,
          ).toEqual(allowed.logs);
          if (allowed.from.includes("lease expired")) {
            const reason = allowed.to === "`failed`" ? "retries exhausted" : "lease expired";
            expect(page).toContain(`\`{ reason: "${reason}", previousAgent, attempt }\``);
            expect(items[0]?.detail).toEqual({ reason, previousAgent: agentId, attempt: before.attempt });
          }
        } else if (move.otherwise === "TransitionError") {
          const error = await caughtUnchanged(place, TransitionError, attempting(before.attempt));
          expect([error.actual, error.allowed], id).toEqual([situation.status, codes(move.from)]);
        } else if (move.otherwise === "LostClaimError") {
          const error = await caughtUnchanged(place, LostClaimError, attempting(before.attempt));
          const { status, attempt, claimedBy } = before;
          expect(error.current, id).toEqual({ status, attempt, claimedBy });
          const held = status === "active" ? "held by" : "last held by";
          expect(error.message).toContain(claimedBy === null ? "unclaimed" : `${held} "${claimedBy}"`);
        } else {
          expect([move.otherwise, await attempting(before.attempt)()], id).toEqual(["undefined", undefined]);
          expect(await stored(id), id).toEqual(before);
        }
      }
    });

    test("describes created briefs correctly", async () => {
      const { board } = await openRun(engine);
      await board.createBrief({ briefId: "createBrief", tier: 1, role: "coder" });
      await board.spawnBrief({ briefId: "spawnBrief", tier: 1, role: "coder" });
      for (const { name, to, logs } of table.filter(({ of }) => of === "a new id")) {
        expect(await board.getBrief(name)).toMatchObject({ status: codes(to)[0], claimedBy: null, attempt: 0 });
        const { items } = await board.listEvents({ briefId: name });
        expect(items.map(({ kind }) => kind)).toEqual(logs);
      }
    });

    test("lists every move of the code", () => {
      const names = ["complete", "fail", "escalate", "retry"] as const;
      expect(Object.keys(moves).sort()).toEqual([...names].sort());
      for (const name of names) {
        const { from, to, logs } = moves[name];
        const rows = table.filter((row) => row.name === `${name}Brief`);
        const found = rows.map((row) => [row.of, codes(row.from), codes(row.to), row.logs]);
        expect(found).toEqual([
          ["a claim", ["active"], [to], [logs]],
          ["an id", from, [to], [logs]],
        ]);
      }
    });

    test("shows every logged move, claimBrief and releaseClaim in its diagram", () => {
      const drawn = [...page.matchAll(/^ {2}(\w+) --> (\w+): (\w+)[^/\n]*(?: \/ (\w+))?$/gm)];
      const arrows = drawn.map(([, from, to, name, event]) => [from, to, name, event].join(" "));
      const shown = table.filter(
        ({ name, logs }) => logs.length > 0 || name === "claimBrief" || name === "releaseClaim",
      );
      const inTable = shown.flatMap(({ from, to, name, logs }) =>
        codes(from).map((status) => [status, codes(to)[0], name, logs[0]].join(" ")),
      );
      expect(arrows.sort()).toEqual([...new Set(inTable)].sort());
    });
  });
}
