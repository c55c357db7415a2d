/** Sample values of realistic size: a few hundred characters of JSON. */
import type { Board } from "./sites.ts";

export const payload = {
  task: "Write the handler that receives webhooks: check the signature, answer within a second, queue the rest.",
  files: ["src/webhooks/receive.ts", "src/webhooks/signature.ts", "test/webhooks/receive.test.ts"],
  limit: { tokens: 120_000, minutes: 30 },
  draft: false,
};

export const result = {
  summary: "Three files changed, all tests pass; the signature is compared in constant time.",
  changed: [{ file: "src/webhooks/receive.ts", lines: 84 }],
  cost: { tokens: 48_211, minutes: 11.5 },
};

export const detail = { agent: "coder-3", attempt: 1, seconds: 41.25, note: "passed on the first try" };

/** Ids of the same length as generated ones. */
export function idOf(n: number): string {
  return `01938000-0000-7000-8000-${String(n).padStart(12, "0")}`;
}

/** Creates `count` briefs with the ids `idOf(0)`, `idOf(1)` and so on. */
export function withBriefs(count: number): (board: Board) => void {
  return (board) => {
    for (let n = 0; n < count; n++) board.createBrief({ briefId: idOf(n), tier: 1, role: "coder", payload });
  };
}

/** Creates one brief and `count` events of it. */
export function withEvents(count: number): (board: Board) => void {
  return (board) => {
    withBriefs(1)(board);
    for (let n = 0; n < count; n++) board.logEvent("spawned", { briefId: idOf(0), detail });
  };
}
