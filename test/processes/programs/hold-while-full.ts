/**
 * hold-while-full FILE ROOM: holds a claim on FILE while the disk is full for several renewals. ROOM is a file that fills
 * the disk until it is removed, or "limit" for a limit on the size of files, which is then lifted. Prints the distinct
 * outcomes of the renewals, in order, then that of completing the brief.
 */
import { execFileSync } from "node:child_process";
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { openBlackboard } from "run-blackboard";
import { outcome, say } from "./talk.ts";

const [file = "", room = ""] = process.argv.slice(2);

const limit = (bytes: string) => execFileSync("prlimit", ["--pid", `${process.pid}`, `--fsize=${bytes}:`]);

function fill(): void {
  if (room === "limit") {
    limit("1");
    return;
  }
  const descriptor = openSync(room, "w");
  for (const size of [65_536, 1]) {
    const text = Buffer.alloc(size);
    while (outcome(() => writeSync(descriptor, text)) === "ok");
  }
  closeSync(descriptor);
}

function makeRoom(): void {
  if (room === "limit") limit("unlimited");
  else rmSync(room);
}

const board = openBlackboard({ runId: "full", file });
board.createRun("hold on");
board.createBrief({ briefId: "b", tier: 1, role: "coder" });
const claim = board.claimBrief({ agentId: "w", leaseMs: 60_000 });
if (!claim) throw new Error("there was nothing to claim");

const outcomes: string[] = [];
const call = board.renewClaim.bind(board);
board.renewClaim = (held, options) => {
  let renewed: ReturnType<typeof call> | undefined;
  let thrown: unknown;
  const result = outcome(() => {
    try {
      renewed = call(held, options);
    } catch (error) {
      thrown = error;
      throw error;
    }
  });
  outcomes.push(result);
  if (renewed === undefined) throw thrown;
  return renewed as never;
};

/** Waits until that many more renewals had this outcome. */
async function until(result: string, count: number): Promise<void> {
  const from = outcomes.length;
  while (outcomes.slice(from).filter((one) => one === result).length < count) await pause(10);
}

await board.holdClaim(claim, { leaseMs: 6000 }, async (signal) => {
  fill();
  await Promise.race([
    until("FileError DISK_FULL", 2),
    new Promise((resolve) => signal.addEventListener("abort", resolve)),
  ]);
  makeRoom();
  await until("ok", 1);
});
for (const [n, result] of outcomes.entries()) if (result !== outcomes[n - 1]) say(result);
say(outcome(() => board.completeBrief(claim, {})));
