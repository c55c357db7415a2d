/**
 * `claim` and what is done with a claim: `renew`, `complete`, `escalate`; `fail`, `release` and `retry` call `moveClaim`.
 */
import type { Command } from "commander";
import type { Brief, ClaimRequest, PlainObject } from "../../errors-and-types.ts";
import type { MoveName } from "../../operator.ts";
import { writeLines } from "../briefs.ts";
import { milliseconds } from "../durations.ts";
import { findBriefId } from "../ids.ts";
import type { RunOptions } from "../locations.ts";
import { wholeNumber } from "../option-values.ts";
import { exitCodes, printJson } from "../output.ts";
import type { Board } from "../writing.ts";
import { acting, agentCommand, claimOption, detailOption, onBoard, timeoutOf } from "./acting.ts";
import { type ClaimRef, claimIn, invalid, objectIn, objectOf } from "./input.ts";
import { waitToClaim } from "./waiting.ts";

export interface ClaimOptions extends RunOptions {
  agent: string;
  lease: string;
  role?: string[];
  tier?: number;
  workstream?: string;
  maxRetries?: number;
  wait?: boolean;
}

/** Adds the options for the agent and what it claims. */
export function withRequest(command: Command): Command {
  return command
    .requiredOption("--agent <id>", "the agent that claims")
    .requiredOption("--lease <time>", "how long no other agent may take the brief over: a number and s, m, h, d or w")
    .option("--role <role...>", "only briefs with one of these roles")
    .option("--tier <n>", "only briefs of this tier", wholeNumber)
    .option("--workstream <id>", "only briefs in this workstream")
    .option(
      "--max-retries <n>",
      "a brief whose lease expires when it was retried this many times is failed instead of claimed again",
      wholeNumber,
    );
}

export function requestOf({ agent, lease, role, tier, workstream, maxRetries }: ClaimOptions): ClaimRequest {
  const leaseMs = milliseconds("--lease", lease);
  return { agentId: agent, leaseMs, role, tier, workstreamId: workstream, maxRetries };
}

export function claimCommand(): Command {
  return withRequest(
    agentCommand(
      "claim",
      "claims the next brief, or several, for an agent",
      `Expired claims are taken over first, then the brief with the highest priority, then the oldest. Keep what is printed and pass it
to renew, complete, fail, escalate and release. With --wait, it ends without a claim when the run is done or failed.

Exit codes: 0 claimed, ${exitCodes.nothing} nothing to claim.

JSON: { brief, role, attempt, agentId, leaseExpiresAt }, one per line.

Example:
  run-blackboard claim abc123 --agent coder-1 --lease 10m --role coder > claim.json`,
    ),
  )
    .option("--limit <n>", "maximum number of claims, up to 1,000, in one commit", wholeNumber, 1)
    .option("--wait", "wait until a brief can be claimed")
    .option("--timeout <time>", "with --wait, wait at most this long")
    .action((given: string, options: ClaimOptions & { limit: number; timeout?: string }) =>
      acting(async () => {
        const { wait = false, limit, timeout } = options;
        const request = requestOf(options);
        const signal = timeoutOf("--timeout", timeout);
        await onBoard(given, options, async (board) => {
          const claims = await (wait
            ? waitToClaim(board, request, limit, signal)
            : board.claimBriefs({ ...request, limit }));
          if (claims.length === 0) process.exitCode = exitCodes.nothing;
          else await writeLines(claims);
        });
      }),
    );
}

/** The brief's id, its end or beginning, if one is passed, otherwise the claim. */
async function refOf(id: string | undefined, claim: string | undefined): Promise<ClaimRef | string> {
  if (id === undefined) return await claimIn(claim);
  if (claim === undefined) return id;
  throw invalid("--claim", "must not be combined with an id");
}

async function wholeRef(board: Board, ref: ClaimRef | string): Promise<ClaimRef | string> {
  return typeof ref === "string" ? await findBriefId(board, ref) : ref;
}

interface HeldOptions extends RunOptions {
  claim?: string;
  detail?: string;
}

export function renewCommand(): Command {
  return agentCommand(
    "renew",
    "extends the lease of a claim, and stores progress for the next agent",
    `Exit codes: 0 renewed, ${exitCodes.lost} the claim is lost: discard the work.

JSON: the claim with its new leaseExpiresAt and the current brief.

Example:
  run-blackboard renew abc123 --claim claim.json --lease 10m --progress '{"page":3}'`,
  )
    .requiredOption("--lease <time>", "how long from now: a number and s, m, h, d or w")
    .option("--progress <json>", "JSON object that replaces the brief's progress: JSON, @FILE, or - for stdin")
    .option(...claimOption)
    .action((given: string, options: HeldOptions & { lease: string; progress?: string }) =>
      acting(async () => {
        const leaseMs = milliseconds("--lease", options.lease);
        const claim = await claimIn(options.claim);
        const progress = await objectOf("--progress", options.progress);
        await onBoard(given, options, async (board) => printJson(await board.renewClaim(claim, { leaseMs, progress })));
      }),
    );
}

export function completeCommand(): Command {
  return agentCommand(
    "complete",
    "stores a brief's result, sets it to done and logs completed",
    `With a claim, only while it is current; repeating the call with the same result is allowed. With an ID, for operators,
regardless of its claim.

Exit codes: 0 completed, ${exitCodes.lost} the claim is lost: discard the work.

JSON: the brief.

Example:
  run-blackboard complete abc123 --claim claim.json --result '{"changed":3}'`,
  )
    .argument("[id]", "a brief, instead of a claim")
    .option(...claimOption)
    .option("--result <json>", "JSON object to store: JSON, @FILE, or - for stdin", "{}")
    .option(...detailOption)
    .action((given: string, id: string | undefined, options: HeldOptions & { result: string }) =>
      acting(async () => {
        const held = await refOf(id, options.claim);
        const result = await objectIn("--result", options.result);
        const detail = await objectOf("--detail", options.detail);
        await onBoard(given, options, async (board) =>
          printJson(await complete(board, await wholeRef(board, held), result, detail)),
        );
      }),
    );
}

/** One statement for both kinds of reference: the overloads of `completeBrief` want a whole claim. */
export async function complete(
  board: Board,
  ref: ClaimRef | string,
  result: PlainObject,
  detail: PlainObject | undefined,
): Promise<Brief> {
  const [completed] = await board.completeBriefs([{ ref, result, detail }]);
  if (completed?.brief) return completed.brief;
  throw completed?.error;
}

export function escalateCommand(): Command {
  return agentCommand(
    "escalate",
    "sets a brief to failed and logs escalated, to hand it to a higher tier",
    `Exit codes: 0 escalated, ${exitCodes.lost} the claim is lost: discard the work.

JSON: the brief.

Example:
  run-blackboard escalate abc123 --claim claim.json --detail '{"reason":"needs a larger model"}'`,
  )
    .argument("[id]", "a brief, instead of a claim")
    .option(...claimOption)
    .option(...detailOption)
    .action((given: string, id: string | undefined, options: HeldOptions) =>
      acting(async () => {
        const held = await refOf(id, options.claim);
        const detail = await objectOf("--detail", options.detail);
        await onBoard(given, options, async (board) =>
          printJson(await board.escalateBrief(await wholeRef(board, held), detail)),
        );
      }),
    );
}

/**
 * Moves the brief of a claim, for commands that otherwise move briefs by id as an operator.
 * @throws InvalidInputError for a release with a detail, since the agent's own release logs no event.
 */
export async function moveClaim(
  given: string,
  options: HeldOptions & { reason?: string },
  name: MoveName,
  delayed: { delayMs?: number },
): Promise<void> {
  await acting(async () => {
    const { reason, detail } = options;
    if (name === "release" && (reason ?? detail) !== undefined) {
      throw invalid(reason === undefined ? "--detail" : "--reason", "needs ids: an agent's own release logs no event");
    }
    const claim = await claimIn(options.claim);
    const logged = { ...(await objectOf("--detail", detail)), ...(reason !== undefined && { reason }) };
    await onBoard(given, options, async (board) => printJson(await move(board, name, claim, logged, delayed)));
  });
}

function move(
  board: Board,
  name: MoveName,
  claim: ClaimRef,
  detail: PlainObject,
  delayed: { delayMs?: number },
): Brief | Promise<Brief> {
  if (name === "retry") return board.retryBrief(claim, detail, delayed);
  return name === "fail" ? board.failBrief(claim, detail) : board.releaseClaim(claim, delayed);
}
