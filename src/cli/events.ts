/**
 * `events`: prints a run's event log and, with `--follow`, new events as they are logged.
 */
import { Command, Option } from "commander";
import {
  type Blackboard,
  type BlackboardEvent,
  type EventKind,
  eventKinds,
  type Mode,
  NotFoundError,
} from "../errors-and-types.ts";
import { readEvents } from "../inspect.ts";
import { eventsWriter, wholeNumber, writeLines } from "./briefs.ts";
import { requireLive, untilInterrupted } from "./live.ts";
import { look, type RunOptions, withRun } from "./locations.ts";
import { printLine } from "./output.ts";

interface EventOptions extends RunOptions {
  follow?: boolean;
  after?: number;
  kind?: EventKind[];
  brief?: string;
}

export function eventsCommand(): Command {
  return withRun(new Command("events"), "[run|file]")
    .description("prints the event log of a run, ordered by seq")
    .option("-f, --follow", "print new events as they are logged; Ctrl-C exits with code 0")
    .option("--after <seq>", "only events after this seq", wholeNumber)
    .addOption(new Option("--kind <kind...>", "only events of these kinds").choices(eventKinds))
    .option("--brief <id>", "only events of this brief")
    .addHelpText(
      "after",
      `
JSON: one event per line. To resume after a broken pipe, pass the last seq received as --after.

Examples:
  run-blackboard events abc123 --kind failed escalated
  run-blackboard events abc123 --follow --after 4200 --json | jq -r .briefId`,
    )
    .action((given: string | undefined, options: EventOptions) => {
      const follows = options.follow === true;
      return look(
        given,
        options,
        async ({ board, isLive, state }) => {
          if (follows) requireLive(isLive, board.location, state);
          if (!(await board.getRun())) throw new NotFoundError("run", board.runId, board.runId);
          const write = options.json ? writeLines : eventsWriter();
          if (follows) await follow(board, options, write);
          else if ((await list(board, options, write)) === 0 && !options.json) await printLine("No events.");
        },
        follows,
      );
    });
}

type Write = (events: readonly BlackboardEvent[]) => Promise<void>;

/** Prints the existing events. Returns the last seq printed, or 0 if there was none. */
async function list(board: Blackboard<Mode>, { kind, brief, after }: EventOptions, write: Write): Promise<number> {
  let last = 0;
  for await (const events of readEvents(board, { kinds: kind, briefId: brief, after })) {
    await write(events);
    last = events.at(-1)?.seq ?? last;
  }
  return last;
}

/** Prints the existing events page by page, then each new event. */
async function follow(board: Blackboard<Mode>, options: EventOptions, write: Write): Promise<void> {
  const { kind, brief, after = 0 } = options;
  const signal = untilInterrupted();
  // Read before listing: if the filter matches no event, `list` returns 0 and the watch would start at the beginning.
  const { lastSeq } = await board.getRunSummary();
  const last = await list(board, options, write);
  for await (const event of board.watchEvents({ after: Math.max(after, last, lastSeq), signal })) {
    const isAsked = (!kind || kind.includes(event.kind)) && (brief === undefined || event.briefId === brief);
    if (isAsked) await write([event]);
  }
}
