/**
 * `briefs` and `brief`: the tasks of a run, and all there is to know of one.
 */
import { Command, InvalidArgumentError, Option } from "commander";
import {
  type Blackboard,
  type BlackboardEvent,
  type Brief,
  type BriefFilter,
  type BriefStatus,
  briefStatuses,
  type Mode,
  NotFoundError,
} from "../index.ts";
import { look, type RunOptions, withRun } from "./locations.ts";
import { asJson, print, printable, printJson, printLine } from "./output.ts";
import { age, paint, status, tableWriter } from "./terminal.ts";

interface Filters extends RunOptions {
  status?: BriefStatus[];
  role?: string[];
  tier?: number;
  workstream?: string;
  parent?: string;
  limit?: number;
}

/** A whole number from 0 on, as an option's value. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new InvalidArgumentError("It must be a whole number.");
  return value;
}

export function briefsCommand(): Command {
  return withRun(new Command("briefs"), "<run|file>")
    .description("lists the briefs of a run, oldest first")
    .addOption(new Option("--status <status...>", "only these").choices(briefStatuses))
    .option("--role <role...>", "only these")
    .option("--tier <tier>", "only this one", wholeNumber)
    .option("--workstream <id>", "only of this one; an empty one: those of none")
    .option("--parent <id>", "only right below this one; an empty one: those without")
    .option("--limit <n>", "no more than so many", wholeNumber)
    .addHelpText(
      "after",
      `
JSON: one brief a line.

Examples:
  run-blackboard briefs abc123 --status failed active
  run-blackboard briefs abc123 --role coder --parent plan --json | jq -r .briefId`,
    )
    .action((given: string, options: Filters) =>
      look(given, options, async ({ board }) => {
        if (!(await board.getRun())) throw new NotFoundError("run", board.runId, board.runId);
        const write = options.json ? writeLines : briefsWriter();
        let count = 0;
        for await (const briefs of pagesOf(board, filterOf(options), options.limit)) {
          count += briefs.length;
          await write(briefs);
        }
        if (count === 0 && !options.json) await printLine("No briefs.");
      }),
    );
}

function filterOf({ status: statuses, role, tier, workstream, parent }: Filters): BriefFilter {
  const orNone = (id: string | undefined) => (id === "" ? null : id);
  return { status: statuses, role, tier, workstreamId: orNone(workstream), parentBriefId: orNone(parent) };
}

const pageSize = 1000;

async function* pagesOf(board: Blackboard<Mode>, filter: BriefFilter, limit = Number.POSITIVE_INFINITY) {
  let after: string | undefined;
  for (let left = limit; left > 0; left -= pageSize) {
    const { items, next } = await board.listBriefs({ ...filter, after, limit: Math.min(left, pageSize) });
    if (items.length > 0) yield items;
    if (next === null) return;
    after = next;
  }
}

/** One row a line, in as few writes as rows come in. */
export async function writeLines(rows: readonly object[]): Promise<void> {
  await print(rows.map((row) => `${asJson(row)}\n`).join(""));
}

function briefsWriter(): (briefs: readonly Brief[]) => Promise<void> {
  const write = tableWriter([
    { name: "brief", shrinks: true },
    { name: "status" },
    { name: "role", shrinks: true },
    { name: "tier", align: "right", drops: 2 },
    { name: "workstream", shrinks: true, drops: 3 },
    { name: "parent", shrinks: true, drops: 4 },
    { name: "retries", align: "right", drops: 1 },
    { name: "agent", shrinks: true },
    { name: "changed", align: "right" },
  ]);
  return (briefs) =>
    write(
      briefs.map((brief) => [
        printable(brief.briefId),
        status(brief.status),
        printable(brief.role),
        String(brief.tier),
        printable(brief.workstreamId ?? "-"),
        printable(brief.parentBriefId ?? "-"),
        String(brief.retryCount),
        printable(brief.claimedBy ?? "-"),
        age(brief.updatedAt),
      ]),
    );
}

export function briefCommand(): Command {
  return withRun(new Command("brief"), "<run|file>")
    .argument("<id>", "the brief's id")
    .description("shows one brief with its payload, its result and its events")
    .addHelpText(
      "after",
      `
JSON: the brief's row and events, an array.

Examples:
  run-blackboard brief abc123 write/0
  run-blackboard brief abc123 write/0 --json | jq .result`,
    )
    .action((given: string, id: string, options: RunOptions) =>
      look(given, options, async ({ board }) => {
        const brief = await board.getBrief(id);
        if (!brief) throw new NotFoundError("brief", id, board.runId);
        const events = await eventsOf(board, id);
        if (options.json) await printJson({ ...brief, events });
        else await draw(brief, events);
      }),
    );
}

async function eventsOf(board: Blackboard<Mode>, briefId: string): Promise<BlackboardEvent[]> {
  const events: BlackboardEvent[] = [];
  let after: number | undefined;
  for (;;) {
    const page = await board.listEvents({ briefId, after, limit: pageSize });
    for (const event of page.items) events.push(event);
    if (page.next === null) return events;
    after = page.next;
  }
}

async function draw(brief: Brief, events: readonly BlackboardEvent[]): Promise<void> {
  const { briefId, role, tier, retryCount, attempt, claimedBy, leaseExpiresAt } = brief;
  const line = (name: string, value: string) => printLine(`${name.padEnd(13)}${value}`);
  await printLine(`${paint("bold", printable(briefId))}  ${status(brief.status)}`);
  await line("role", `${printable(role)}, tier ${tier}`);
  await line("parent", printable(brief.parentBriefId ?? "none"));
  await line("workstream", printable(brief.workstreamId ?? "none"));
  await line("tried", `${attempt} times claimed, ${retryCount} retries`);
  await line("agent", claimedBy === null ? "nobody yet" : printable(claimedBy));
  if (leaseExpiresAt !== null) await line("lease until", printable(leaseExpiresAt));
  await line("created", `${printable(brief.createdAt)}, ${age(brief.createdAt)} ago`);
  await line("changed", `${printable(brief.updatedAt)}, ${age(brief.updatedAt)} ago`);
  await block("payload", brief.payload);
  await block("result", brief.result);
  await printLine("");
  await printLine(paint("bold", `${events.length === 0 ? "no" : events.length} events`));
  const write = eventsWriter();
  if (events.length > 0) await write(events);
}

async function block(name: string, value: object | null): Promise<void> {
  await printLine("");
  await printLine(paint("bold", name));
  // Line by line: the line breaks are the layout's own, those in the data are escaped by JSON.
  const lines = value === null ? ["none"] : JSON.stringify(value, null, 2).split("\n");
  await printLine(lines.map(printable).join("\n"));
}

/** The log for people. */
export function eventsWriter(): (events: readonly BlackboardEvent[]) => Promise<void> {
  const write = tableWriter([
    { name: "seq", align: "right" },
    { name: "time" },
    { name: "kind" },
    { name: "brief", shrinks: true },
    { name: "detail", shrinks: true, drops: 1 },
  ]);
  return (events) =>
    write(
      events.map(({ seq, createdAt, kind, briefId, detail }) => [
        String(seq),
        printable(createdAt),
        status(kind),
        printable(briefId ?? "-"),
        Object.keys(detail).length === 0 ? "" : asJson(detail),
      ]),
    );
}
