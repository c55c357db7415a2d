/**
 * `summary`: shows the state of one run.
 */
import { Command } from "commander";
import type { RunOverview } from "../errors-and-types.ts";
import { summarizeRun } from "../inspect.ts";
import { statusOrMissing } from "./brief.ts";
import { duration } from "./durations.ts";
import { idsOf, type ShowId } from "./ids.ts";
import { look, type RunOptions, withRun, withWide } from "./locations.ts";
import { printable, printJson, printLine } from "./output.ts";
import {
  age,
  bar,
  cut,
  cutStart,
  number,
  paint,
  percent,
  plural,
  printFitting,
  remaining,
  status,
  tableWriter,
  terminalWidth,
} from "./terminal.ts";

export function summaryCommand(): Command {
  return withWide(withRun(new Command("summary"), "[run|file]"))
    .description(
      "shows a run's counts, progress by workstream and role, throughput, what waits for what, and expired claims",
    )
    .addHelpText(
      "after",
      `
JSON: a RunSummary (getRunSummary) with lastChangeAt, byWorkstream, byRole, throughput, allowsClaims, backlog, oldestReady,
failedBlockers, unclaimable, expiredLeases and longestExpired.

Examples:
  run-blackboard summary            # the only run under ./runs
  run-blackboard summary abc123
  run-blackboard summary old/blackboard.db --json`,
    )
    .action((given: string | undefined, options: RunOptions & { wide?: boolean }) =>
      look(given, options, async ({ board, state }) => {
        const overview = await summarizeRun(board);
        if (options.json) await printJson(overview);
        else await draw(overview, await idsOf(board, "brief", options), board.location, state);
      }),
    );
}

/** Maximum number of workstreams or roles in the text output; JSON has all. */
const maxParts = 20;

async function draw(overview: RunOverview, showId: ShowId, location: string, state: string): Promise<void> {
  const { runId, goal, briefs, events, workstreams, throughput, lastChangeAt } = overview;
  const width = terminalWidth();
  const line = (name: string, value: string) => printFitting(`${name.padEnd(13)}${value}`);
  const name = cut(printable(runId), width && 36);
  await printFitting(`${paint("bold", name)}  ${status(overview.status)}  ${printable(goal)}`);
  const note = state === "current" ? "" : `  (${state}: shown as if migrated)`;
  const path = cutStart(printable(location), width && Math.max(20, width - 13 - note.length));
  await line("file", path + paint("yellow", note));
  await line("changed", `${age(lastChangeAt)} ago, ${printable(lastChangeAt)}`);
  await printLine("");
  await line("briefs", `${bar(briefs)}  ${percent(briefs)} finished  ${counts(briefs)}`);
  await line("workstreams", counts(workstreams));
  await line("events", `${counts(events)}, newest seq ${number(overview.lastSeq)}`);
  await line(
    "throughput",
    `${throughput.completedPerMinute} completed per minute in the last ${duration(throughput.windowMs)}; events: ${counts(throughput.events)}`,
  );
  await pending(overview, showId, line);
  await unclaimable(overview, line);
  await expired(overview, showId, line);
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

type Line = (name: string, value: string) => Promise<void>;

/** What keeps pending briefs from being claimed. Only lines that say something. */
async function pending(
  { status: now, allowsClaims, backlog, oldestReady, failedBlockers }: RunOverview,
  showId: ShowId,
  line: Line,
): Promise<void> {
  const { waiting, waitingForFailed, delayed, nextDueAt, blocked } = backlog;
  if (!allowsClaims) await line("paused", `no brief can be claimed while the run is ${status(now)}`);
  await line(
    "oldest",
    oldestReady
      ? `${shortOf(showId(oldestReady.briefId))} (${part(oldestReady.role)}) is ready, created ${age(oldestReady.createdAt)} ago`
      : "no brief is ready",
  );
  if (waiting > 0) {
    const failed =
      waitingForFailed === 0 ? "" : paint("red", `, ${number(waitingForFailed)} of them for something failed`);
    await line("waiting", `${plural(waiting, "brief waits", "briefs wait")} for other briefs${failed}`);
    for (const { briefId, status: own, holds } of failedBlockers) {
      const what = `${shortOf(showId(briefId))} (${statusOrMissing(own)})`;
      await line("", `${what} holds ${plural(holds, "brief")}`);
    }
  }
  if (delayed > 0) {
    const next =
      nextDueAt === null
        ? ""
        : `; ${delayed === 1 ? "it" : "the first"} is due in ${remaining(nextDueAt)}, ${printable(nextDueAt)}`;
    await line("delayed", `${plural(delayed, "brief waits", "briefs wait")} for the time to come${next}`);
  }
  if (blocked > 0) await line("blocked", `${plural(blocked, "brief is", "briefs are")} in a blocked workstream`);
}

async function unclaimable({ unclaimable: n }: RunOverview, line: Line): Promise<void> {
  if (n === 0) return;
  await line("unclaimable", paint("red", `${plural(n, "brief")} cannot be claimed: see run-blackboard verify`));
}

async function expired({ expiredLeases, longestExpired }: RunOverview, showId: ShowId, line: Line): Promise<void> {
  if (expiredLeases === 0) return line("stuck", "no expired claims");
  await line("stuck", paint("red", plural(expiredLeases, "expired claim")));
  for (const { briefId, role, claimedBy, leaseExpiresAt } of longestExpired) {
    const holder = claimedBy === null ? "no agent" : part(claimedBy);
    await line(
      "",
      `${shortOf(showId(briefId))} (${part(role)}), expired ${age(leaseExpiresAt ?? "")} ago, held by ${holder}`,
    );
  }
  if (expiredLeases > longestExpired.length)
    await line("", `and ${number(expiredLeases - longestExpired.length)} more`);
}

/** Parts of a line on a terminal, short enough that what follows them is seen. */
const part = (text: string) => cut(printable(text), terminalWidth() && 18);
const shortOf = (id: string) => cutStart(id, terminalWidth() && 24);

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
    { name, shrinks: "end" },
    ...(withStatus ? [{ name: "status" }] : []),
    { name: "progress" },
    ...["", "pending", "active", "done", "failed"].map((column) => ({ name: column, align: "right" as const })),
  ]);
  await write(rows.slice(0, maxParts));
  if (rows.length > maxParts)
    await printLine(paint("gray", `and ${number(rows.length - maxParts)} more; use --json to list all`));
}
