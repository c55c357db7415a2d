/**
 * `events`: prints a run's event log and, with `--follow`, new events as they are logged.
 */
import { Command, Option } from "commander";
import {
  type Blackboard,
  type BlackboardEvent,
  type EventKind,
  eventKinds,
  InvalidInputError,
  type Mode,
} from "../errors-and-types.ts";
import { readEvents } from "../inspect.ts";
import { rangeOfEvents } from "../operator.ts";
import { eventsWriter, writeLines } from "./briefs.ts";
import { timeOf } from "./durations.ts";
import { findEventsBrief, idsOf } from "./ids.ts";
import { look, type RunOptions, withRun, withWide } from "./locations.ts";
import { listOption, wholeNumber } from "./option-values.ts";
import { printLine } from "./output.ts";

interface EventOptions extends RunOptions {
  follow?: boolean;
  after?: number;
  tail?: number;
  since?: string;
  until?: string;
  kind?: EventKind[];
  brief?: string;
  wide?: boolean;
}

export function eventsCommand(): Command {
  return withWide(withRun(new Command("events"), "[run|file]"))
    .description("prints the event log of a run, ordered by seq")
    .addOption(
      new Option("-f, --follow", "print new events as they are logged; Ctrl-C exits with code 0").conflicts("until"),
    )
    .option("--after <seq>", "only events after this seq", wholeNumber)
    .option("--tail <n>", "only the newest n of the events", wholeNumber)
    .option("--since <time>", "only events of the last 30m, 12h or 2d, or since a time such as 2026-01-31T08:00:00Z")
    .option("--until <time>", "only events until then")
    .addOption(listOption("--kind <kinds>", "only events of these kinds, separated by commas", eventKinds))
    .option("--brief <id>", "only events of this brief")
    .addHelpText(
      "after",
      `
JSON: one event per line. To resume after a broken pipe, pass the last seq received as --after.

Examples:
  run-blackboard events abc123 --tail 20
  run-blackboard events abc123 --kind failed,escalated --since 1h
  run-blackboard events abc123 --follow --after 4200 --json | jq -r .briefId`,
    )
    .action((given: string | undefined, options: EventOptions) => {
      const follows = options.follow === true;
      const { kind, after, tail } = options;
      const since = options.since === undefined ? undefined : timeOf("--since", options.since);
      const until = options.until === undefined ? undefined : timeOf("--until", options.until);
      return look(
        given,
        options,
        async ({ board, isLive, state }) => {
          if (follows && !isLive) throw cannotFollow(board.location, state);
          const brief = options.brief === undefined ? undefined : await findEventsBrief(board, options.brief);
          const asked: Asked = { filter: { kinds: kind, briefId: brief, after }, window: { tail, since, until } };
          const write = options.json ? writeLines : eventsWriter(await idsOf(board, "brief", options));
          if (follows) await follow(board, asked, write);
          else if (!(await list(board, asked, write)) && !options.json) await printLine("No events.");
        },
        follows,
      );
    });
}

type Write = (events: readonly BlackboardEvent[]) => Promise<void>;

interface Asked {
  filter: { kinds: EventKind[] | undefined; briefId: string | undefined; after: number | undefined };
  window: { tail: number | undefined; since: string | undefined; until: string | undefined };
}

/** Prints the existing events, until the signal. Returns the last seq printed, or 0 if there was none. */
async function list(
  board: Blackboard<Mode>,
  { filter, window }: Asked,
  write: Write,
  signal?: AbortSignal,
): Promise<number> {
  const { tail, since, until } = window;
  const isWhole = tail === undefined && since === undefined && until === undefined;
  const { after, last: end } = isWhole
    ? { ...filter, last: Number.POSITIVE_INFINITY }
    : await rangeOfEvents(board, filter, window);
  let last = 0;
  if (end === 0) return last;
  for await (const page of readEvents(board, { ...filter, after })) {
    const events = page.filter(
      ({ seq, createdAt }) => seq <= end && !(since && createdAt < since) && !(until && createdAt > until),
    );
    if (events.length > 0) await write(events);
    last = events.at(-1)?.seq ?? last;
    if (signal?.aborted || (page.at(-1)?.seq ?? 0) >= end) break;
  }
  return last;
}

/** Prints the existing events page by page, then each new event. */
async function follow(board: Blackboard<Mode>, asked: Asked, write: Write): Promise<void> {
  const { kinds, briefId, after = 0 } = asked.filter;
  const { since } = asked.window;
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  // Read before listing: if the filter matches no event, `list` returns 0 and the watch would start at the beginning.
  const { lastSeq } = await board.getRunSummary();
  const last = await list(board, asked, write, stop.signal);
  if (stop.signal.aborted) return;
  for await (const event of board.watchEvents({ after: Math.max(after, last, lastSeq), signal: stop.signal })) {
    const isAsked = (!kinds || kinds.includes(event.kind)) && (briefId === undefined || event.briefId === briefId);
    if (isAsked && !(since && event.createdAt < since)) await write([event]);
  }
}

function cannotFollow(location: string, state: string): InvalidInputError {
  const reason =
    state === "current" ? "this user cannot write to its folder" : `its schema is ${state}: run migrate first`;
  const message = `cannot follow ${location}: it was read as a snapshot, because ${reason}`;
  return new InvalidInputError([{ path: "--follow", message }]);
}
