/**
 * `brief`: shows one brief with what it waits for, what waits for it, its payload, result and events.
 */
import { Command } from "commander";
import {
  type BlackboardEvent,
  type Brief,
  type BriefStatus,
  type Dependency,
  NotFoundError,
} from "../errors-and-types.ts";
import { explainWaiting, readDependencies, readEvents } from "../inspect.ts";
import { eventsWriter } from "./briefs.ts";
import { findBriefId, idsOf, type ShowId } from "./ids.ts";
import { look, type RunOptions, withRun, withWide } from "./locations.ts";
import { asJson, printAll, printable, printLine } from "./output.ts";
import { age, number, paint, plural, printFitting, status } from "./terminal.ts";

export function briefCommand(): Command {
  return withWide(withRun(new Command("brief"), "<run|file>"))
    .argument("<id>", "brief id, or its end or beginning")
    .description("shows one brief with what it waits for, what waits for it, its payload, its result and its events")
    .addHelpText(
      "after",
      `
JSON: the brief's row, plus three arrays: after (the briefs that it comes after) and dependents (those that come after it),
each { briefId, status }, and its events; and waitsForFailed: whether it waits, directly or through other briefs, for one that
failed or is missing.

Examples:
  run-blackboard brief abc123 write/0
  run-blackboard brief abc123 write/0 --json | jq .result`,
    )
    .action((given: string, typed: string, options: RunOptions & { wide?: boolean }) =>
      look(given, options, async ({ board }) => {
        const id = await findBriefId(board, typed);
        const brief = await board.getBrief(id);
        if (!brief) throw new NotFoundError("brief", id, board.runId);
        const [waiting] = await explainWaiting(board, [id]);
        const shown: Shown = {
          brief,
          forFailed: waiting?.forFailed ?? false,
          after: readDependencies(board, { briefId: id }),
          dependents: readDependencies(board, { blockerId: id }),
          events: readEvents(board, { briefId: id }),
        };
        if (options.json) await printAll(jsonOf(shown));
        else await draw(shown, await idsOf(board, "brief", options), await idsOf(board, "workstream", options));
      }),
    );
}

type Groups<T> = AsyncGenerator<T[], void, void>;

interface Shown {
  brief: Brief;
  /** Whether it waits, directly or through others, for a brief that failed or is missing. */
  forFailed: boolean;
  after: Groups<Dependency>;
  dependents: Groups<Dependency>;
  events: Groups<BlackboardEvent>;
}

interface Other {
  briefId: string;
  status: BriefStatus | null;
}
const blockerOf = ({ blockerId, blockerStatus }: Dependency): Other => ({ briefId: blockerId, status: blockerStatus });
const dependentOf = ({ briefId, status: own }: Dependency): Other => ({ briefId, status: own });

/** Yields the brief with its arrays in pieces: all events may exceed the maximum length of one string. */
async function* jsonOf({ brief, forFailed, after, dependents, events }: Shown): AsyncGenerator<string, void, void> {
  yield `${asJson(brief).slice(0, -1)},"waitsForFailed":${forFailed},"after":[`;
  yield* listed(after, blockerOf);
  yield '],"dependents":[';
  yield* listed(dependents, dependentOf);
  yield '],"events":[';
  yield* listed(events, (event) => event);
  yield "]}\n";
}

async function* listed<T>(groups: Groups<T>, shownOf: (one: T) => object): AsyncGenerator<string, void, void> {
  let between = "";
  for await (const group of groups) {
    for (const one of group) {
      yield between + asJson(shownOf(one));
      between = ",";
    }
  }
}

async function draw(
  { brief, forFailed, after, dependents, events }: Shown,
  showId: ShowId,
  showWorkstream: ShowId,
): Promise<void> {
  const { briefId, role, tier, retryCount, attempt, claimedBy, claimedAt, leaseExpiresAt, notBefore, priority } = brief;
  const line = (name: string, value: string) => printFitting(`${name.padEnd(13)}${value}`);
  await printLine(`${paint("bold", printable(briefId))}  ${status(brief.status)}`);
  await line("role", `${printable(role)}, tier ${printable(tier)}`);
  await line("parent", brief.parentBriefId === null ? "none" : showId(brief.parentBriefId));
  await line("workstream", brief.workstreamId === null ? "none" : showWorkstream(brief.workstreamId));
  if (priority !== 0) await line("priority", printable(priority));
  if (brief.waitsFor !== 0) {
    const failed = forFailed ? paint("red", ", directly or through others for something failed") : "";
    await line("waits for", `${plural(brief.waitsFor, "brief")}${failed}`);
  }
  const names = [await namesOf(after, blockerOf, showId), await namesOf(dependents, dependentOf, showId)];
  for (const [index, text] of names.entries()) if (text !== "") await line(index === 0 ? "after" : "dependents", text);
  if (notBefore !== null) await line("not before", printable(notBefore));
  await line("attempts", `${plural(attempt, "claim")}, ${plural(retryCount, "retry", "retries")}`);
  await line("agent", claimedBy === null ? "none" : printable(claimedBy));
  if (claimedAt !== null) await line("claimed", `${printable(claimedAt)}, ${age(claimedAt)} ago`);
  if (leaseExpiresAt !== null) await line("lease until", printable(leaseExpiresAt));
  await line("created", `${printable(brief.createdAt)}, ${age(brief.createdAt)} ago`);
  await line("changed", `${printable(brief.updatedAt)}, ${age(brief.updatedAt)} ago`);
  await block("payload", brief.payload);
  if (brief.progress !== null) await block("progress", brief.progress);
  await block("result", brief.result);
  await printLine("");
  const [first, second] = [await events.next(), await events.next()];
  await printLine(paint("bold", second.done ? plural(first.value?.length ?? 0, "event") : "events"));
  const write = eventsWriter(showId);
  for (const page of [first, second]) if (!page.done) await write(page.value);
  for await (const page of events) await write(page);
}

/** Maximum number of names in a line; JSON has all. */
const maxNames = 10;
const order: readonly (BriefStatus | null)[] = [null, "failed", "active", "pending"];

/** The first briefs, those that failed or are missing before the others, finished ones last. */
async function namesOf(
  groups: Groups<Dependency>,
  otherOf: (one: Dependency) => Other,
  showId: ShowId,
): Promise<string> {
  let first: Other[] = [];
  let all = 0;
  const rank = (own: BriefStatus | null) => (order.includes(own) ? order.indexOf(own) : order.length);
  for await (const group of groups) {
    all += group.length;
    first = [...first, ...group.map(otherOf)].sort((a, b) => rank(a.status) - rank(b.status)).slice(0, maxNames);
  }
  const names = first.map(({ briefId, status: own }) => `${showId(briefId)} (${statusOrMissing(own)})`);
  return names.join(", ") + (all > first.length ? `, and ${number(all - first.length)} more` : "");
}

/** Returns a brief's status in its colour, or that the brief is missing. */
export function statusOrMissing(own: BriefStatus | null): string {
  return own === null ? paint("red", "missing") : status(own);
}

async function block(name: string, value: object | null): Promise<void> {
  await printLine("");
  await printLine(paint("bold", name));
  // JSON escapes line breaks in the data, so each "\n" here comes from the layout.
  const lines = value === null ? ["none"] : JSON.stringify(value, null, 2).split("\n");
  await printAll(lines.map((line) => `${printable(line)}\n`));
}
