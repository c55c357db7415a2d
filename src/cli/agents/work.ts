/**
 * `work`: any executable as an agent.
 */
import { constants } from "node:os";
import type { Command } from "commander";
import type { Claim } from "../../errors-and-types.ts";
import { exitCodes, printJson } from "../output.ts";
import { type Board, openToWrite } from "../writing.ts";
import { acting, agentCommand, timerMs } from "./acting.ts";
import { attempt, noProgram, type Outcome } from "./attempt.ts";
import { type ClaimOptions, requestOf, withRequest } from "./claims.ts";
import { invalid } from "./input.ts";
import { Guard, isProgram, maxOutput } from "./program.ts";
import { waitToClaim } from "./waiting.ts";

interface WorkOptions extends ClaimOptions {
  untilEmpty?: boolean;
  grace: string;
}

export function workCommand(): Command {
  return withRequest(
    agentCommand(
      "work",
      "claims a brief and runs a program for it, or for one brief after another",
      `The program gets the payload on stdin, and the claim in RUN_BLACKBOARD_CLAIM, which the other commands use by themselves. Also
RUN_BLACKBOARD_RUN: the run as commands take it, RUN_BLACKBOARD_RUN_ID, RUN_BLACKBOARD_BRIEF: the brief's id, and with --postgres
RUN_BLACKBOARD_POSTGRES. The lease is renewed while it runs.

  it ends with 0             the brief is completed with the JSON object that it printed on stdout, {} if it printed nothing
  it ends otherwise          the brief is failed; the event's detail has error, exitCode, signal and the end of stderr
  it prints anything else    the brief is failed, also for more than ${maxOutput / 2 ** 20} MiB
  the claim is lost          the program is killed with SIGKILL
  SIGTERM, SIGINT, SIGHUP    the program gets SIGTERM, after --grace or a second signal SIGKILL; then the brief is released
  this command is killed     the program is killed as well; the brief can be claimed again when its lease expires

All of that applies to the program's process group, and what is left of the group when the program ends is killed.

Exit codes: 0 completed, ${exitCodes.nothing} nothing to claim, ${exitCodes.lost} the claim was lost, ${exitCodes.failed} failed; 143, 130 or 129 after SIGTERM, SIGINT or SIGHUP.
With --until-empty or --wait: 0, or ${exitCodes.failed} if a brief failed.

JSON: { briefId, attempt, outcome, detail? } for each brief, one per line; outcome is completed, failed, released or lost.

Examples:
  run-blackboard work abc123 --agent coder-1 --lease 10m --role coder -- ./coder.sh
  run-blackboard work abc123 --agent "$(hostname)" --lease 1m --role count --wait -- python3 -u count.py`,
    ),
  )
    .argument("<program>", "the program, after --")
    .argument("[args...]", "its arguments")
    .option("--until-empty", "repeat until there is nothing to claim")
    .option("--wait", "repeat, and wait for briefs until the run is done or failed")
    .option("--grace <time>", "how long the program may take to end after SIGTERM", "10s")
    .action((given: string, program: string, args: string[], options: WorkOptions) =>
      acting(() => work(given, [program, ...args], options)),
    );
}

/** The first signal asks to stop, the second one not to wait for the program. */
class Stops {
  readonly stop = new AbortController();
  readonly kill = new AbortController();
  /** 128 and the number of the signal, as shells say it. */
  exitCode: number | undefined;

  constructor() {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => {
        if (this.stop.signal.aborted) this.kill.abort();
        this.exitCode ??= 128 + constants.signals[signal];
        this.stop.abort();
      });
    }
  }
}

async function work(given: string, words: readonly [string, ...string[]], options: WorkOptions): Promise<void> {
  if (process.platform === "win32") throw invalid("work", "needs process groups, which Windows doesn't have");
  if (!isProgram(words[0])) throw noProgram(words[0]);
  const { wait = false, untilEmpty = false } = options;
  const request = requestOf(options);
  const graceMs = timerMs("--grace", options.grace);
  // Before anything is claimed, so that no signal ends this process with a claim.
  const stops = new Stops();
  const [stop, kill] = [stops.stop.signal, stops.kill.signal];
  const board = await openToWrite(given, options);
  const guard = await Guard.start();
  try {
    const env = environmentOf(board, options);
    const worker = { board, guard, words, env, leaseMs: request.leaseMs, graceMs, stop, kill };
    const next = (): Promise<Claim[]> | Claim[] =>
      wait ? waitToClaim(board, request, 1, stop) : board.claimBriefs({ ...request, limit: 1 });
    const outcomes: Outcome["outcome"][] = [];
    while (!stop.aborted) {
      const [claim] = await next();
      if (!claim) break;
      const ended = await attempt(worker, claim);
      outcomes.push(ended.outcome);
      await printJson(ended);
      if (!wait && !untilEmpty) break;
    }
    process.exitCode = stops.exitCode ?? exitCodeOf(outcomes, wait || untilEmpty);
  } finally {
    guard.end();
    await board.close();
  }
}

function exitCodeOf(outcomes: readonly Outcome["outcome"][], repeats: boolean): number {
  if (outcomes.includes("failed")) return exitCodes.failed;
  if (repeats || outcomes.includes("completed")) return exitCodes.current;
  return outcomes.length === 0 ? exitCodes.nothing : exitCodes.lost;
}

/** The environment for a program that calls this command: its own, and the run. */
function environmentOf({ runId, location }: Board, { postgres, schema }: WorkOptions): NodeJS.ProcessEnv {
  const { RUN_BLACKBOARD_POSTGRES: _, ...own } = process.env;
  if (postgres === undefined) return { ...own, RUN_BLACKBOARD_RUN: location, RUN_BLACKBOARD_RUN_ID: runId };
  const named = schema === undefined ? "" : `${postgres.includes("?") ? "&" : "?"}schema=${encodeURIComponent(schema)}`;
  const server = { RUN_BLACKBOARD_POSTGRES: postgres + named };
  return { ...own, ...server, RUN_BLACKBOARD_RUN: runId, RUN_BLACKBOARD_RUN_ID: runId };
}
