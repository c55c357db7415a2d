/**
 * `summary`: shows the state of one run.
 */
import { Command } from "commander";
import { type RunOverview, summarizeRun } from "../index.ts";
import { look, type RunOptions, withRun } from "./locations.ts";
import { printable, printJson, printLine } from "./output.ts";
import {
  age,
  bar,
  cut,
  duration,
  number,
  paint,
  percent,
  plural,
  status,
  tableWriter,
  terminalWidth,
} from "./terminal.ts";

export function summaryCommand(): Command {
  return withRun(new Command("summary"), "[run|file]")
    .description(
      "shows a run's counts, progress by workstream and role, throughput, oldest pending brief and expired claims",
    )
    .addHelpText(
      "after",
      `
JSON: a RunSummary (getRunSummary) with lastChangeAt, byWorkstream, byRole, throughput, oldestPending, unclaimable,
expiredLeases and longestExpired.

Examples:
  run-blackboard summary            # the only run under ./runs
  run-blackboard summary abc123
  run-blackboard summary old/blackboard.db --json`,
    )
    .action((given: string | undefined, options: RunOptions) =>
      look(given, options, async ({ board, state }) => {
        const overview = await summarizeRun(board);
        if (options.json) await printJson(overview);
        else await draw(overview, board.location, state);
      }),
    );
}

/** Maximum number of workstreams or roles in the text output; JSON has all. */
const maxParts = 20;

async function draw(overview: RunOverview, location: string, state: string): Promise<void> {
  const { runId, goal, briefs, events, workstreams, throughput, oldestPending, lastChangeAt } = overview;
  const width = terminalWidth();
  const line = (name: string, value: string) => printLine(`${name.padEnd(13)}${value}`);
  await printLine(
    `${paint("bold", printable(runId))}  ${status(overview.status)}  ${cut(printable(goal), width && width - 20)}`,
  );
  await line(
    "file",
    printable(location) + (state === "current" ? "" : paint("yellow", `  (${state}: shown as if migrated)`)),
  );
  await line("changed", `${age(lastChangeAt)} ago, ${printable(lastChangeAt)}`);
  await printLine("");
  await line("briefs", `${bar(briefs)}  ${percent(briefs)} finished  ${counts(briefs)}`);
  await line("workstreams", counts(workstreams));
  await line("events", `${counts(events)}, newest seq ${number(overview.lastSeq)}`);
  await line(
    "throughput",
    `${throughput.completedPerMinute} completed per minute in the last ${duration(throughput.windowMs)}; events: ${counts(throughput.events)}`,
  );
  await line(
    "oldest",
    oldestPending
      ? `${printable(oldestPending.briefId)} (${printable(oldestPending.role)}) has been pending for ${age(oldestPending.createdAt)}`
      : "no pending briefs",
  );
  await unclaimable(overview, line);
  await expired(overview, line);
  await parts(
    "workstream",
    overview.byWorkstream.map(({ workstreamId, name, status: now, briefs: own }) => [
      printable(workstreamId === null ? "(none)" : (name ?? workstreamId)),
      now === null ? "-" : status(now),
      ...progress(own),
    ]),
    true,
  );
  await parts(
    "role",
    overview.byRole.map(({ role, briefs: own }) => [printable(role), ...progress(own)]),
    false,
  );
}

async function unclaimable(
  { unclaimable: n }: RunOverview,
  line: (name: string, value: string) => Promise<void>,
): Promise<void> {
  if (n === 0) return;
  await line("unclaimable", paint("red", `${plural(n, "brief")} cannot be claimed: see run-blackboard verify`));
}

async function expired(
  { expiredLeases, longestExpired }: RunOverview,
  line: (name: string, value: string) => Promise<void>,
): Promise<void> {
  if (expiredLeases === 0) return line("stuck", "no expired claims");
  await line("stuck", paint("red", plural(expiredLeases, "expired claim")));
  for (const { briefId, role, claimedBy, leaseExpiresAt } of longestExpired) {
    const holder = claimedBy === null ? "no agent" : printable(claimedBy);
    await line(
      "",
      `${printable(briefId)} (${printable(role)}), held by ${holder}, expired ${age(leaseExpiresAt ?? "")} ago`,
    );
  }
  if (expiredLeases > longestExpired.length)
    await line("", `and ${number(expiredLeases - longestExpired.length)} more`);
}

function counts(record: Readonly<Record<string, number>>): string {
  const some = Object.entries(record).filter(([, n]) => n > 0);
  return some.length === 0 ? "none" : some.map(([name, n]) => `${number(n)} ${status(name)}`).join(", ");
}

function progress(briefs: RunOverview["briefs"]): string[] {
  const { pending, active, done, failed } = briefs;
  return [bar(briefs), percent(briefs), ...[pending, active, done, failed].map(number)];
}

async function parts(name: string, rows: string[][], withStatus: boolean): Promise<void> {
  if (rows.length === 0) return;
  await printLine("");
  const write = tableWriter([
    { name, shrinks: true },
    ...(withStatus ? [{ name: "status" }] : []),
    { name: "progress" },
    ...["", "pending", "active", "done", "failed"].map((column) => ({ name: column, align: "right" as const })),
  ]);
  await write(rows.slice(0, maxParts));
  if (rows.length > maxParts)
    await printLine(paint("gray", `and ${number(rows.length - maxParts)} more; use --json to list all`));
}
