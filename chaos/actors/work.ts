/**
 * A worker: opens the run, and creates, claims and completes briefs and logs events until SIGTERM, recording each acknowledged
 * call. With `looks`, it also reads its own file between steps, with every function of `looks.ts`.
 */
import { setTimeout } from "node:timers/promises";
import { openBlackboard } from "run-blackboard";
import { Journal } from "../journal.ts";
import { looks } from "./looks.ts";
import { codeOf, ends, randomOf, taskOf } from "./task.ts";

interface WorkTask {
  readonly root: string;
  readonly runId: string;
  readonly file: string;
  readonly scratch: string;
  readonly journal: string;
  /** Probability, from 0 to 1, of reading the file between two steps. */
  readonly looks: number;
  readonly leaseMs: number;
  /** Pause between two steps, in milliseconds. */
  readonly pauseMs: number;
}

const task = taskOf<WorkTask>();
const { name, file, runId, leaseMs } = task;
const random = randomOf(task);
const journal = new Journal(task.journal);

const board = open();
if (board) {
  await work(board);
  attempt("close", () => board.close());
}

function open() {
  try {
    const opened = openBlackboard({ runId, file, synchronous: "normal" });
    opened.createRun("chaos");
    return opened;
  } catch (error) {
    journal.write({ did: "note", what: "refused", detail: codeOf(error) });
    journal.error("openBlackboard", error);
    return undefined;
  }
}

async function work(board: NonNullable<ReturnType<typeof open>>): Promise<void> {
  if (task.looks > 0) await look("migrationStatus");
  for (let n = 0; !ends.aborted; n++) {
    if (random.chance(task.looks)) await look(random.pick(Object.keys(looks)));
    const id = `${name}/${n}`;
    const kind = random.next();
    const at = Date.now();
    if (kind < 0.3) {
      attempt("spawnBrief", () => {
        board.spawnBrief({
          briefId: id,
          tier: 1,
          role: "worker",
          payload: { text: "x".repeat(random.between(0, 900)) },
        });
        journal.write({ did: "brief", id }, at);
      });
    } else if (kind < 0.6) {
      attempt("logEvent", () => {
        board.logEvent("retried", { eventId: id, detail: { by: name } });
        journal.write({ did: "event", id }, at);
      });
    } else {
      const claim = attempt("claimBrief", () => board.claimBrief({ agentId: name, leaseMs, role: "worker" }));
      if (claim) {
        const { attempt: number, brief } = claim;
        journal.write({ did: "claim", id: brief.briefId, attempt: number }, at);
        if (random.chance(0.1)) await setTimeout(random.between(0, 30));
        attempt("completeBrief", () => {
          board.completeBrief(claim, { by: name, attempt: number });
          journal.write({ did: "complete", id: brief.briefId, attempt: number, by: name }, at);
        });
      }
    }
    await setTimeout(task.pauseMs);
  }
}

async function look(which: string): Promise<void> {
  try {
    await looks[which]?.(task);
  } catch (error) {
    journal.error(which, error);
  }
}

function attempt<T>(during: string, call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    journal.error(during, error);
    return undefined;
  }
}
