/**
 * Keeps a run open while its file is removed or replaced: one board writes, one only watches, a read-only one watches, one
 * holds a claim. Records acknowledged writes and when each board's work ended. Prints "open" when all boards are open.
 */
import { setTimeout } from "node:timers/promises";
import { type Blackboard, openBlackboard } from "run-blackboard";
import { Journal } from "../journal.ts";
import { codeOf, ends, taskOf } from "./task.ts";

interface StayTask {
  readonly runId: string;
  readonly file: string;
  readonly journal: string;
}

const task = taskOf<StayTask>();
const { name, runId, file } = task;
const journal = new Journal(task.journal);
const open = (readonly: boolean) => openBlackboard({ runId, file, readonly, create: false });
const boards = { writer: open(false), watcher: open(false), reader: open(true), holder: open(false) };

const ended = (what: string) => (error: unknown) => {
  if (ends.aborted) return;
  journal.write({ did: "note", what, detail: error === undefined ? "without an error" : codeOf(error) });
};

async function watch(board: Blackboard<"sync">): Promise<void> {
  for await (const _ of board.watchEvents({ pollMs: 50, signal: ends })) {
    // The events are ignored; only the end of the watch matters.
  }
}

async function write(board: Blackboard<"sync">): Promise<void> {
  for (let n = 0; !ends.aborted; n++) {
    const at = Date.now();
    const id = `${name}/${n}`;
    board.logEvent("retried", { eventId: id });
    journal.write({ did: "event", id }, at);
    await setTimeout(40, undefined, { signal: ends }).catch(() => undefined);
  }
}

async function hold(board: Blackboard<"sync">): Promise<void> {
  const claim = board.claimBrief({ agentId: name, leaseMs: 6000 });
  if (!claim) throw new Error("no brief to claim");
  await board.holdClaim(claim, { leaseMs: 6000, signal: ends }, async (signal) => {
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    throw signal.reason;
  });
}

console.log("open");
await Promise.all([
  watch(boards.watcher).then(() => ended("watch")(undefined), ended("watch")),
  watch(boards.reader).then(() => ended("readonly watch")(undefined), ended("readonly watch")),
  hold(boards.holder).then(() => ended("held claim")(undefined), ended("held claim")),
  write(boards.writer).then(() => ended("writer")(undefined), ended("writer")),
]);
for (const board of Object.values(boards)) board.close();
