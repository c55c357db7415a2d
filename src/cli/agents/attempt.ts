/**
 * One attempt of `work` at a brief: holds the claim while the program runs, then completes, fails or releases the brief.
 */
import {
  type BriefStatus,
  type Claim,
  InvalidInputError,
  LostClaimError,
  NotFoundError,
  type PlainObject,
} from "../../errors-and-types.ts";
import { messageOf } from "../output.ts";
import type { Board } from "../writing.ts";
import { complete } from "./claims.ts";
import { claimVariable, parseObject } from "./input.ts";
import { type Ending, type Guard, isProgram, maxOutput, type Running, startProgram } from "./program.ts";
import { mayPass, pauseFor } from "./waiting.ts";

export interface Worker {
  readonly board: Board;
  readonly guard: Guard;
  /** The program and its arguments. */
  readonly words: readonly [string, ...string[]];
  /** The program's environment, without the claim. */
  readonly env: NodeJS.ProcessEnv;
  readonly leaseMs: number;
  /** How long the program may take to end after SIGTERM, in milliseconds. */
  readonly graceMs: number;
  /** Asks the program to end and releases the brief. */
  readonly stop: AbortSignal;
  /** Does not wait for the program any longer. */
  readonly kill: AbortSignal;
}

export interface Outcome {
  readonly briefId: string;
  readonly attempt: number;
  readonly outcome: "completed" | "failed" | "released" | "lost";
  /** What is stored in the event of a failed brief. */
  readonly detail?: PlainObject;
}

/**
 * @throws what keeps the worker from going on, such as a deleted file or a program that cannot be started any more; the program has
 * ended then.
 */
export async function attempt(worker: Worker, claim: Claim): Promise<Outcome> {
  const { board, leaseMs, stop } = worker;
  let running: Running | undefined;
  try {
    return await board.holdClaim(claim, { leaseMs }, async (lost) => {
      if (stop.aborted) return await release(worker, claim, lost);
      running = await startOrRelease(worker, claim, lost);
      const ending = await endOf(worker, running, lost);
      // Rejected already, and what is done from here on would be refused.
      lost.throwIfAborted();
      return await finish(worker, claim, ending, lost);
    });
  } catch (error) {
    // `holdClaim` doesn't wait for the program, which was killed.
    await running?.ended;
    const outcome = outcomeOf(error, claim);
    if (!outcome) throw error;
    return { ...named(claim), outcome };
  }
}

async function startOrRelease(worker: Worker, claim: Claim, lost: AbortSignal): Promise<Running> {
  try {
    return await start(worker, claim);
  } catch (error) {
    await release(worker, claim, lost);
    throw error;
  }
}

async function start({ guard, words, env }: Worker, claim: Claim): Promise<Running> {
  const { brief, role, attempt: number, agentId, leaseExpiresAt } = claim;
  const { briefId } = brief;
  // Without the payload: Linux limits a variable to 128 kB.
  const slim = { brief: { briefId }, role, attempt: number, agentId, leaseExpiresAt };
  const variables = { ...env, [claimVariable]: JSON.stringify(slim), RUN_BLACKBOARD_BRIEF: briefId };
  return await startProgram(guard, words, variables, `${JSON.stringify(brief.payload)}\n`);
}

/** Waits for the program, which is killed when the claim is lost, and asked to end when the worker stops. */
async function endOf({ stop, kill, graceMs }: Worker, running: Running, lost: AbortSignal): Promise<Ending> {
  const over = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const end = () => running.kill("SIGKILL");
  whenAborted(lost, over.signal, end);
  whenAborted(kill, over.signal, end);
  whenAborted(stop, over.signal, () => {
    running.kill("SIGTERM");
    timer = setTimeout(end, graceMs);
  });
  try {
    return await running.ended;
  } finally {
    over.abort();
    clearTimeout(timer);
  }
}

function whenAborted(signal: AbortSignal, over: AbortSignal, call: () => void): void {
  if (signal.aborted) call();
  else signal.addEventListener("abort", call, { once: true, signal: over });
}

async function finish(worker: Worker, claim: Claim, ending: Ending, lost: AbortSignal): Promise<Outcome> {
  const { stop, words } = worker;
  // What a program prints when it is interrupted need not be a result.
  if (stop.aborted) return await release(worker, claim, lost);
  if ((ending.code === 126 || ending.code === 127) && !isProgram(words[0])) {
    await release(worker, claim, lost);
    throw noProgram(words[0]);
  }
  const found = resultOf(words[0], ending);
  if ("error" in found) return await fail(worker, claim, ending, found.error, lost);
  try {
    await untilStored(() => complete(worker.board, claim, found.result, undefined), lost);
    return { ...named(claim), outcome: "completed" };
  } catch (error) {
    // JSON that can't be stored, such as text with NUL.
    if (!(error instanceof InvalidInputError)) throw error;
    return await fail(worker, claim, ending, `${words[0]}: ${error.message}`, lost);
  }
}

export function noProgram(name: string): InvalidInputError {
  const message = `must be an executable file or a command in PATH, got ${JSON.stringify(name)}`;
  return new InvalidInputError([{ path: "program", message }]);
}

function resultOf(
  program: string,
  { code, signal, stdout, stderr }: Ending,
): { result: PlainObject } | { error: string } {
  if (!stdout) return { error: `${program} printed more than ${maxOutput} bytes` };
  if (code !== 0) {
    const last = stderr.slice(stderr.lastIndexOf("\n") + 1);
    const how = signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
    return { error: `${program} ${how}${last === "" ? "" : `: ${last}`}` };
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(stdout);
    return { result: text.trim() === "" ? {} : parseObject("stdout", text) };
  } catch (error) {
    const why = error instanceof InvalidInputError ? error.issues[0]?.message : messageOf(error);
    return { error: `${program} must print one JSON object, or nothing: what it printed ${why}` };
  }
}

async function fail(
  { board }: Worker,
  claim: Claim,
  { code, signal, stderr }: Ending,
  error: string,
  lost: AbortSignal,
): Promise<Outcome> {
  const detail = { error, exitCode: code, signal, stderr };
  await untilStored(() => board.failBrief(claim, detail), lost);
  return { ...named(claim), outcome: "failed", detail };
}

async function release({ board }: Worker, claim: Claim, lost: AbortSignal): Promise<Outcome> {
  await untilStored(() => board.releaseClaim(claim), lost);
  return { ...named(claim), outcome: "released" };
}

/** How long it waits between two tries, in milliseconds. */
const retryMs = 250;

/** Tries again while the claim is held and the reason may pass. What was stored, though the answer was lost, counts. */
async function untilStored(store: () => unknown, lost: AbortSignal): Promise<void> {
  for (;;) {
    try {
      await store();
      return;
    } catch (error) {
      if (!mayPass(error)) throw error;
    }
    await pauseFor(retryMs, lost);
    lost.throwIfAborted();
  }
}

const outcomes: Readonly<Record<BriefStatus, Outcome["outcome"]>> = {
  done: "completed",
  failed: "failed",
  pending: "released",
  active: "lost",
};

/** What became of the brief of a claim that is not the current one: the program may have completed or released it itself. */
function outcomeOf(error: unknown, claim: Claim): Outcome["outcome"] | undefined {
  if (error instanceof NotFoundError) return "lost";
  if (!(error instanceof LostClaimError)) return undefined;
  return error.current.attempt === claim.attempt ? outcomes[error.current.status] : "lost";
}

function named({ brief: { briefId }, attempt: number }: Claim): { briefId: string; attempt: number } {
  return { briefId, attempt: number };
}
