/**
 * Hostile arguments: a call accepts them or throws an error with a code and a short message on one line. It never
 * throws a language error, and its cost never grows quadratically with the argument.
 */
import { BlackboardError, InvalidInputError } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { hostile, steering } from "../input/hostile.ts";
import { type Board, caught, type Engine, openRun } from "./engine.ts";

type Call = (board: Board, value: never) => unknown;

const claim = { brief: { briefId: "b" }, attempt: 1, agentId: "a" };
const work = async () => 1;

const places: [string, Call][] = [
  ["createRun", (board, goal) => board.createRun(goal)],
  ["updateRunStatus", (board, status) => board.updateRunStatus(status)],
  ["updateRunStatus, its options", (board, options) => board.updateRunStatus("active", options)],
  ["updateRunStatus, from", (board, from) => board.updateRunStatus("active", { from })],
  ["updateRunStatus, from a list", (board, status) => board.updateRunStatus("active", { from: [status] })],
  ["createWorkstream", (board, workstream) => board.createWorkstream(workstream)],
  ["createWorkstream, its name", (board, name) => board.createWorkstream({ name, tier: 0 })],
  ["createWorkstream, its tier", (board, tier) => board.createWorkstream({ name: "api", tier })],
  ["createWorkstream, its id", (board, workstreamId) => board.createWorkstream({ workstreamId, name: "api", tier: 0 })],
  ["updateWorkstreamStatus", (board, id) => board.updateWorkstreamStatus(id, "done")],
  ["createBrief", (board, brief) => board.createBrief(brief)],
  ["createBrief, its tier", (board, tier) => board.createBrief({ tier, role: "coder" })],
  ["createBrief, its role", (board, role) => board.createBrief({ tier: 0, role })],
  ["createBrief, its parent", (board, parentBriefId) => board.createBrief({ tier: 0, role: "coder", parentBriefId })],
  ["createBrief, its payload", (board, payload) => board.createBrief({ tier: 0, role: "coder", payload })],
  ["createBrief, in its payload", (board, a) => board.createBrief({ tier: 0, role: "coder", payload: { a: [a] } })],
  ["updateBriefStatus", (board, status) => board.updateBriefStatus("b", status)],
  ["updateBriefResult", (board, result) => board.updateBriefResult("b", result)],
  ["incrementBriefRetry", (board, briefId) => board.incrementBriefRetry(briefId)],
  ["logEvent", (board, kind) => board.logEvent(kind)],
  ["logEvent, the event", (board, event) => board.logEvent("spawned", event)],
  ["logEvent, its detail", (board, detail) => board.logEvent("spawned", { detail })],
  ["getWorkstream", (board, workstreamId) => board.getWorkstream(workstreamId)],
  ["getBrief", (board, briefId) => board.getBrief(briefId)],
  ["getBriefTree", (board, briefId) => board.getBriefTree(briefId)],
  ["listWorkstreams", (board, filter) => board.listWorkstreams(filter)],
  ["listBriefs", (board, filter) => board.listBriefs(filter)],
  ["listBriefs, a role", (board, role) => board.listBriefs({ role })],
  ["listBriefs, a status", (board, status) => board.listBriefs({ status })],
  ["listBriefs, after", (board, after) => board.listBriefs({ after })],
  ["listBriefs, the limit", (board, limit) => board.listBriefs({ limit })],
  ["listEvents", (board, filter) => board.listEvents(filter)],
  ["listEvents, kinds", (board, kinds) => board.listEvents({ kinds })],
  ["listEvents, a kind", (board, kind) => board.listEvents({ kinds: [kind] })],
  ["spawnBrief, its detail", (board, detail) => board.spawnBrief({ tier: 0, role: "coder" }, detail)],
  ["claimBrief", (board, request) => board.claimBrief(request)],
  ["claimBrief, the agent", (board, agentId) => board.claimBrief({ agentId, leaseMs: 1000 })],
  ["claimBrief, the lease", (board, leaseMs) => board.claimBrief({ agentId: "a", leaseMs })],
  ["claimBrief, a role", (board, role) => board.claimBrief({ agentId: "a", leaseMs: 1000, role })],
  ["renewClaim", (board, value) => board.renewClaim(value, { leaseMs: 1000 })],
  ["renewClaim, the brief", (board, brief) => board.renewClaim({ brief, attempt: 1 }, { leaseMs: 1000 })],
  ["renewClaim, its options", (board, options) => board.renewClaim(claim, options)],
  ["releaseClaim", (board, value) => board.releaseClaim(value)],
  ["completeBrief", (board, ref) => board.completeBrief(ref, {})],
  ["completeBrief, the result", (board, result) => board.completeBrief("b", result)],
  ["completeBrief, the detail", (board, detail) => board.completeBrief("b", {}, detail)],
  ["failBrief", (board, ref) => board.failBrief(ref)],
  ["retryBrief", (board, ref) => board.retryBrief(ref)],
  ["escalateBrief, the detail", (board, detail) => board.escalateBrief("b", detail)],
  ["transaction", (board, fn) => board.transaction(fn)],
  ["watchEvents", (board, options) => board.watchEvents(options)],
  ["watchEvents, the signal", (board, signal) => board.watchEvents({ signal })],
  ["holdClaim", (board, value) => board.holdClaim(value, { leaseMs: 1000 }, work)],
  ["holdClaim, its options", (board, options) => board.holdClaim(claim, options, work)],
  ["holdClaim, the signal", (board, signal) => board.holdClaim(claim, { leaseMs: 1000, signal }, work)],
  ["holdClaim, the work", (board, fn) => board.holdClaim(claim, { leaseMs: 1000 }, fn)],
];

/** Rethrows a call's error unless it has a code and a short message. */
export async function requireCoded(call: () => unknown): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (!(error instanceof BlackboardError)) throw error;
    expect(error.message.length).toBeLessThan(10_000);
    expect(error.message).not.toMatch(steering);
    for (const { path, message } of error instanceof InvalidInputError ? error.issues : []) {
      expect([path.length <= 3000, message.length <= 500]).toEqual([true, true]);
      expect(`${path} ${message}`).not.toMatch(steering);
    }
  }
}

export function hostileInput(engine: Engine): void {
  describe("hostile arguments are accepted or rejected with a code and a short message:", () => {
    test.each(places)("%s", async (_, call) => {
      const { board } = await openRun(engine);
      await board.createBrief({ briefId: "b", tier: 0, role: "coder" });
      for (const [what, make] of hostile) {
        // A function with an odd name is still a function.
        await expect(
          requireCoded(() => call(board, make() as never)),
          what,
        ).resolves.toBeUndefined();
      }
    });

    test("a key of 50 million characters, at any place", async () => {
      const { board } = await openRun(engine);
      const value = { [" ".repeat(50_000_000)]: 1 };
      const error = await caught(InvalidInputError, () => board.createBrief({ tier: value as never, role: "coder" }));
      expect(error.message.length).toBeLessThan(300);
      await requireCoded(() => board.createBrief(value as never));
      await requireCoded(() => board.createBrief({ tier: 0, role: "coder", payload: { a: { ...value, b: 1n } } }));
    });
  });

  describe("messages escape and truncate", () => {
    const odd = `\u2028\u202e\u001b[2J${"long ".repeat(1000)}`;

    test("the name of an unknown option", async () => {
      const { board } = await openRun(engine);
      const error = await caught(InvalidInputError, () => board.listBriefs({ [odd]: 1 } as never));
      expect(error.issues[0]?.path).toMatch(/^\\u2028\\u202e\\u001b\[2Jlong .*…$/);
      expect(error.message.length).toBeLessThan(300);
    });

    test("the keys of a payload in an issue's path", async () => {
      const { board } = await openRun(engine);
      const payload = { [odd]: { [odd]: 1n } };
      const error = await caught(InvalidInputError, () => board.createBrief({ tier: 0, role: "coder", payload }));
      expect(error.issues[0]?.path).toMatch(/^payload\["\\u2028.*…"\]\["\\u2028.*…"\]$/);
      expect(error.message.length).toBeLessThan(500);
    });

    test("the id of a missing row", async () => {
      const { board } = await openRun(engine);
      const id = "\u2028\u202e".repeat(100);
      for (const call of [
        () => board.updateBriefResult(id, {}),
        () => board.failBrief(id),
        () => board.getBriefTree(id),
      ]) {
        const error = await caught(BlackboardError, call);
        expect(error.message).toContain("\\u2028\\u202e");
        expect(error.message.length).toBeLessThan(300);
      }
    });
  });
}
