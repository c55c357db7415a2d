/**
 * `events`: what happened, and with `--follow` what happens.
 */
import { Command, Option } from "commander";
import {
  type Blackboard,
  type BlackboardEvent,
  type EventKind,
  eventKinds,
  InvalidInputError,
  type Mode,
  NotFoundError,
  readEvents,
} from "../index.ts";
import { eventsWriter, wholeNumber, writeLines } from "./briefs.ts";
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
    .description("prints the log of a run in order of seq")
    .option("-f, --follow", "wait for more, until Ctrl-C, which ends it with exit code 0")
    .option("--after <seq>", "only what came behind this one; with --follow, where to go on", wholeNumber)
    .addOption(new Option("--kind <kind...>", "only these").choices(eventKinds))
    .option("--brief <id>", "only of this one")
    .addHelpText(
      "after",
      `
JSON: one event a line. To go on where a pipe broke off, give the last seq that arrived as --after.

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
          if (follows && !isLive) throw cannotFollow(board.location, state);
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

/** Returns the last seq that it wrote. */
async function list(board: Blackboard<Mode>, { kind, brief, after }: EventOptions, write: Write): Promise<number> {
  let last = 0;
  for await (const events of readEvents(board, { kinds: kind, briefId: brief, after })) {
    await write(events);
    last = events.at(-1)?.seq ?? last;
  }
  return last;
}

/** What there is already in pages, then each event as it comes. */
async function follow(board: Blackboard<Mode>, options: EventOptions, write: Write): Promise<void> {
  const { kind, brief, after = 0 } = options;
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  // Read first: a filter may pass over all that there is.
  const { lastSeq } = await board.getRunSummary();
  const last = await list(board, options, write);
  for await (const event of board.watchEvents({ after: Math.max(after, last, lastSeq), signal: stop.signal })) {
    const isAsked = (!kind || kind.includes(event.kind)) && (brief === undefined || event.briefId === brief);
    if (isAsked) await write([event]);
  }
}

function cannotFollow(location: string, state: string): InvalidInputError {
  const reason =
    state === "current"
      ? "its folder cannot be written by this user"
      : `its schema is ${state}, and is to be migrated first`;
  const message = `cannot follow ${location}: it is read as a snapshot, since ${reason}`;
  return new InvalidInputError([{ path: "--follow", message }]);
}
