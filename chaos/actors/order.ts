/**
 * Works in order until SIGTERM: spawns briefs that come after others, claims and ends them, blocks and unblocks a workstream. A
 * brief that is done stays done, so every claim can be checked: a blocker that is not done is noted as `early`.
 */
import { setTimeout } from "node:timers/promises";
import { type Claim, openBlackboard } from "run-blackboard";
import { Journal } from "../journal.ts";
import { ends, randomOf, taskOf } from "./task.ts";

interface OrderTask {
  readonly runId: string;
  readonly file: string;
  readonly journal: string;
  readonly leaseMs: number;
}

const heldWorkstream = "held";

const task = taskOf<OrderTask>();
const { name, file, runId, leaseMs } = task;
const random = randomOf(task);
const journal = new Journal(task.journal);
const board = openBlackboard({ runId, file, synchronous: "normal" });
/** The newest briefs that this worker knows. */
const known: string[] = [];

for (let n = 0; !ends.aborted; n++) {
  const kind = random.next();
  if (kind < 0.35) attempt("spawnBrief", () => spawn(`${name}/${n}`));
  else if (kind < 0.9) attempt("claimBrief", claim);
  else attempt("updateWorkstreamStatus", hold);
  await setTimeout(random.between(0, 4));
}
attempt("close", () => board.close());

function spawn(id: string): void {
  const after = known.length > 0 ? [random.pick(known), random.pick(known)] : [];
  const workstreamId = random.chance(0.3) ? heldWorkstream : undefined;
  const notBefore = random.chance(0.2) ? new Date(Date.now() + random.between(0, 300)) : undefined;
  const priority = random.between(-1, 1);
  board.spawnBrief({
    briefId: id,
    tier: 1,
    role: "worker",
    after,
    workstreamId,
    notBefore,
    priority,
    payload: { after },
  });
  journal.write({ did: "brief", id });
  known.push(id);
  if (known.length > 20) known.shift();
}

function claim(): void {
  const claim = board.claimBrief({ agentId: name, leaseMs });
  if (!claim) return;
  const { brief, attempt: number } = claim;
  journal.write({ did: "claim", id: brief.briefId, attempt: number });
  known.push(brief.briefId);
  const after = Array.isArray(brief.payload.after) ? brief.payload.after.map(String) : [];
  const early = after.find((id) => board.getBrief(id)?.status !== "done");
  if (early !== undefined) journal.write({ did: "note", what: "early", detail: `${brief.briefId} before ${early}` });
  end(claim);
}

function end(claim: Claim): void {
  const { brief, attempt: number } = claim;
  const kind = random.next();
  if (kind < 0.1) board.releaseClaim(claim, { delayMs: random.between(0, 100) });
  else if (kind < 0.2) board.retryBrief(claim, {}, { delayMs: random.between(0, 100) });
  else if (kind < 0.25) board.retryBrief(board.failBrief(claim).briefId);
  else if (kind < 0.4) board.updateBriefStatus(brief.briefId, "done");
  else if (kind < 0.95) {
    board.completeBrief(claim, { by: name, attempt: number });
    journal.write({ did: "complete", id: brief.briefId, attempt: number, by: name });
  }
  // The others are left until their lease expires.
}

function hold(): void {
  board.updateWorkstreamStatus(heldWorkstream, random.chance(0.5) ? "blocked" : "active");
}

function attempt(during: string, call: () => void): void {
  try {
    call();
  } catch (error) {
    journal.error(during, error);
  }
}
