/**
 * `log` and `wait`: telling others of something, and waiting for their briefs.
 */
import { Argument, type Command } from "commander";
import { type BriefStatus, type EventKind, eventKinds, type WaitFilter } from "../../errors-and-types.ts";
import { readBriefs } from "../../inspect.ts";
import { writeLines } from "../briefs.ts";
import { look, type RunOptions } from "../locations.ts";
import { wholeNumber } from "../option-values.ts";
import { exitCodes, printJson } from "../output.ts";
import type { Board } from "../writing.ts";
import { acting, agentCommand, detailOption, onBoard, timeoutOf } from "./acting.ts";
import { objectOf } from "./input.ts";

interface LogOptions extends RunOptions {
  brief?: string;
  id?: string;
  detail?: string;
}

export function logCommand(): Command {
  return agentCommand(
    "log",
    "appends an event to the run's log",
    `It changes no brief: complete, fail and their like log their own events. With --id, the call may be repeated.

JSON: the event.

Example:
  run-blackboard log abc123 escalated --brief write --detail '{"question":"which API version?"}'`,
  )
    .addArgument(new Argument("<kind>", "the kind of the event").choices(eventKinds))
    .option("--brief <id>", "the brief that it is about")
    .option("--id <id>", "its id (default: a new UUIDv7)")
    .option(...detailOption)
    .action((given: string, kind: EventKind, options: LogOptions) =>
      acting(async () => {
        const detail = await objectOf("--detail", options.detail);
        const event = { eventId: options.id, briefId: options.brief, detail };
        await onBoard(given, options, async (board) => printJson(await board.logEvent(kind, event)));
      }),
    );
}

interface WaitCommandOptions extends RunOptions {
  parent?: string;
  role?: string[];
  tier?: number;
  workstream?: string;
  timeout?: string;
}

export function waitCommand(): Command {
  return agentCommand(
    "wait",
    "waits until briefs are done or failed",
    `Exit codes: 0 all are done, ${exitCodes.failed} at least one failed, ${exitCodes.timeout} the time was over.

JSON: for ids the briefs, one per line, in the order of the ids; for options the number of briefs by status.

Examples:
  run-blackboard wait abc123 plan | jq .result
  run-blackboard wait abc123 --parent plan --timeout 1h`,
  )
    .argument("[id...]", "brief ids")
    .option("--parent <id>", 'direct children of this brief ("" for top-level briefs)')
    .option("--role <role...>", "briefs with one of these roles")
    .option("--tier <n>", "briefs of this tier", wholeNumber)
    .option("--workstream <id>", 'briefs in this workstream ("" for briefs without one)')
    .option("--timeout <time>", "wait at most this long: a number and s, m, h, d or w")
    .action((given: string, ids: string[], options: WaitCommandOptions) =>
      acting(async () => {
        const signal = timeoutOf("--timeout", options.timeout);
        await look(given, options, ({ board }) => waitFor(board, ids, filterOf(ids, options), signal), true);
      }),
    );
}

function filterOf(ids: readonly string[], { parent, role, tier, workstream }: WaitCommandOptions): WaitFilter {
  const orNone = (id: string | undefined) => (id === "" ? null : id);
  const briefIds = ids.length === 0 ? undefined : ids;
  return { briefIds, parentBriefId: orNone(parent), role, tier, workstreamId: orNone(workstream) };
}

async function waitFor(board: Board, ids: readonly string[], filter: WaitFilter, signal: AbortSignal): Promise<void> {
  const counts = await countsOf(board, filter, signal);
  if (!counts) {
    process.exitCode = exitCodes.timeout;
    return;
  }
  if (ids.length === 0) await printJson(counts);
  for await (const briefs of readBriefs(board, ids)) await writeLines(briefs);
  if (counts.failed > 0) process.exitCode = exitCodes.failed;
}

/** Returns `undefined` when the signal aborts first. */
export async function countsOf(
  board: Board,
  filter: WaitFilter,
  signal: AbortSignal,
): Promise<Record<BriefStatus, number> | undefined> {
  try {
    return await board.waitForBriefs(filter, { signal });
  } catch (error) {
    if (signal.aborted && error === signal.reason) return undefined;
    throw error;
  }
}
