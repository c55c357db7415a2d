/**
 * What happens to a brief: each time a change and the event that tells of it. Do them together, so that the blackboard never
 * has one without the other.
 */
import type { Brief, BriefFilter, NewBrief } from "run-blackboard";
import type { Board, Step } from "./board.ts";

/** Again with the same id and data it changes nothing, which is what lets an interrupted plan be made again. */
export function spawn(brief: NewBrief & { briefId: string }): Step[] {
  const { briefId } = brief;
  return [(tx) => tx.createBrief(brief), (tx) => tx.logEvent("spawned", { eventId: `spawned/${briefId}`, briefId })];
}

export function complete(briefId: string, result: object): Step[] {
  return [(tx) => tx.updateBriefResult(briefId, result), (tx) => tx.logEvent("completed", { briefId })];
}

export function fail(briefId: string, error: unknown): Step[] {
  const detail = { reason: reasonOf(error) };
  return [(tx) => tx.updateBriefStatus(briefId, "failed"), (tx) => tx.logEvent("failed", { briefId, detail })];
}

export function retry(briefId: string, reason: string): Step[] {
  return [
    (tx) => tx.updateBriefStatus(briefId, "pending"),
    (tx) => tx.incrementBriefRetry(briefId),
    (tx) => tx.logEvent("retried", { briefId, detail: { reason } }),
  ];
}

/** Every brief that matches, however many: page after page. */
export async function* listAll(board: Board, filter: BriefFilter): AsyncGenerator<Brief> {
  let after: string | undefined;
  do {
    const page = await board.listBriefs({ ...filter, after, limit: 1000 });
    yield* page.items;
    after = page.next ?? undefined;
  } while (after !== undefined);
}

/** Without the path that Node puts behind the words of a system error. */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/, \w+ '.*/s, "");
}
