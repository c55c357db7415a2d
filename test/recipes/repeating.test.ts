/** The table of docs/recipes.md that says what happens when a call is repeated. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Claim, LostClaimError, releaseBrief, TransitionError } from "run-blackboard";
import { expect, test } from "vitest";
import { type Board, caughtUnchanged, everything, openRun, type Row } from "../behaviour/engine.ts";
import { sqliteMemory } from "../behaviour/sqlite.ts";
import { project } from "../package/installed.ts";

type Call = (board: Board, claim: Claim) => unknown;
const brief = { tier: 1, role: "coder" };
const known = { briefId: "b", ...brief };

const calls: Record<string, Record<string, Call>> = {
  "the same result": {
    reads: (board) => board.getBrief("pending"),
    renewClaim: (board, claim) => board.renewClaim(claim, { leaseMs: 1000 }),
    updateBriefResult: (board) => board.updateBriefResult("pending", { a: 1 }),
    "update…Status": (board) => board.updateBriefStatus("pending", "failed"),
  },
  "returns the stored row, writes nothing": {
    createRun: (board) => board.createRun("a goal"),
    createWorkstream: (board) => board.createWorkstream({ workstreamId: "w", name: "w", tier: 1 }),
    createBrief: (board) => board.createBrief(known),
    spawnBrief: (board) => board.spawnBrief(known),
    logEvent: (board) => board.logEvent("failed", { eventId: "e" }),
    completeBrief: (board, claim) => board.completeBrief(claim, { a: 1 }),
  },
  LostClaimError: {
    failBrief: (board, claim) => board.failBrief(claim),
    escalateBrief: (board, claim) => board.escalateBrief(claim),
    retryBrief: (board, claim) => board.retryBrief(claim),
    releaseClaim: (board, claim) => board.releaseClaim(claim),
  },
  TransitionError: {
    completeBrief: (board) => board.completeBrief("pending", { a: 1 }),
    failBrief: (board) => board.failBrief("pending"),
    escalateBrief: (board) => board.escalateBrief("pending"),
    releaseBrief: (board, claim) => releaseBrief(board, claim.brief.briefId),
    "update…Status": (board) => board.updateBriefStatus("pending", "active", { from: "pending" }),
  },
  "claims a different brief": { claimBrief: (board) => board.claimBrief({ agentId: "a", leaseMs: 1000 }) },
  "takes effect twice": {
    "creates and events": (board) => board.spawnBrief(brief),
    retryBrief: (board) => board.retryBrief("pending"),
    incrementBriefRetry: (board) => board.incrementBriefRetry("pending"),
  },
};

const page = readFileSync(join(project, "docs/recipes.md"), "utf8");
const rows = page
  .slice(page.indexOf("## Repeating"), page.indexOf("## Traps"))
  .split("\n")
  .filter((line) => line.startsWith("| "))
  .map((line) => line.split("|").map((cell) => cell.trim().replaceAll("`", "")))
  .map(([, call = "", outcome = ""]) => ({ call, outcome }));

const cases = Object.entries(calls).flatMap(([outcome, named]) =>
  Object.entries(named).map(([name, call]) => [name, outcome, call] as const),
);

test.each(cases)("%s, called again, results in: %s", async (name, outcome, call) => {
  expect(rows.filter((row) => row.outcome.startsWith(outcome) && row.call.includes(name))).not.toEqual([]);
  const { board, place, clock } = await openRun(sqliteMemory);
  for (const briefId of ["claimed", "pending", "next"]) await board.createBrief({ briefId, ...brief });
  const claim = (await board.claimBrief({ agentId: "a", leaseMs: 1000 })) ?? expect.fail("nothing to claim");
  const first = await call(board, claim);
  const before = await everything(place);
  clock.advance(1);
  const again = () => call(board, claim);
  if (outcome === "LostClaimError") return void (await caughtUnchanged(place, LostClaimError, again));
  if (outcome === "TransitionError") return void (await caughtUnchanged(place, TransitionError, again));
  const second = await again();
  const after = await everything(place);
  if (outcome === "returns the stored row, writes nothing") expect([second, after]).toEqual([first, before]);
  else if (outcome === "the same result") expect(withoutTimes(after)).toEqual(withoutTimes(before));
  else expect(withoutTimes(after)).not.toEqual(withoutTimes(before));
});

test("the tests cover every call of the table except a transaction, which consists of such calls", () => {
  const outcomes = rows.slice(2).map(({ outcome }) => Object.keys(calls).find((known) => outcome.startsWith(known)));
  expect(outcomes.indexOf(undefined)).toBe(outcomes.length - 1);
  expect(new Set(outcomes.slice(0, -1))).toEqual(new Set(Object.keys(calls)));
});

/** A second update has a later time and a later lease. */
function withoutTimes(stored: Record<string, Row[]>): unknown {
  const timeless = ({ updated_at: _, lease_expires_at: __, ...row }: Row) => row;
  return Object.entries(stored).map(([table, all]) => [table, all.map(timeless)]);
}
