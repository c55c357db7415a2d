/**
 * `briefs`: lists a run's briefs.
 */
import { Command, InvalidArgumentError, Option } from "commander";
import {
  type Blackboard,
  type BlackboardEvent,
  type BriefFilter,
  type BriefOutline,
  type BriefStatus,
  briefStatuses,
  type Mode,
  NotFoundError,
} from "../errors-and-types.ts";
import { explainFailures, listBriefOutlines, readBriefs } from "../inspect.ts";
import { reasonText } from "./failures.ts";
import { look, type RunOptions, withRun } from "./locations.ts";
import { asJson, printAll, printable, printLine } from "./output.ts";
import { age, status, tableWriter } from "./terminal.ts";

interface Filters extends RunOptions {
  status?: BriefStatus[];
  role?: string[];
  tier?: number;
  workstream?: string;
  parent?: string;
  ready?: boolean;
  limit?: number;
}

/** Parses an option's value as an integer of at least 0. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value))
    throw new InvalidArgumentError("Expected an integer of at least 0.");
  return value;
}

export function briefsCommand(): Command {
  return withRun(new Command("briefs"), "<run|file>")
    .description("lists the briefs of a run, oldest first")
    .addOption(new Option("--status <status...>", "only briefs with one of these statuses").choices(briefStatuses))
    .option("--role <role...>", "only briefs with one of these roles")
    .option("--tier <tier>", "only briefs of this tier", wholeNumber)
    .option("--workstream <id>", 'only briefs in this workstream ("" for briefs without one)')
    .option("--parent <id>", 'only direct children of this brief ("" for top-level briefs)')
    .option("--ready", "only pending briefs that wait for no brief and no time")
    .option("--no-ready", "only the other pending briefs")
    .option("--limit <n>", "maximum number of briefs to print", wholeNumber)
    .addHelpText(
      "after",
      `
JSON: one brief per line.

Examples:
  run-blackboard briefs abc123 --status failed active
  run-blackboard briefs abc123 --no-ready
  run-blackboard briefs abc123 --role coder --parent plan --json | jq -r .briefId`,
    )
    .action((given: string, options: Filters) =>
      look(given, options, async ({ board }) => {
        if (!(await board.getRun())) throw new NotFoundError("run", board.runId, board.runId);
        const write = options.json ? rowsWriter(board) : await briefsWriter(board, options);
        let count = 0;
        for await (const { briefs, filter } of pagesOf(board, filterOf(options), options.limit)) {
          count += briefs.length;
          await write(briefs, filter);
        }
        if (count === 0 && !options.json) await printLine("No briefs.");
      }),
    );
}

/** Every filter of the package: one without an option doesn't compile. */
type EveryFilter = { [Name in Exclude<keyof BriefFilter, "after" | "limit">]-?: BriefFilter[Name] };

function filterOf({ status: statuses, role, tier, workstream, parent, ready }: Filters): EveryFilter {
  const orNone = (id: string | undefined) => (id === "" ? null : id);
  return { status: statuses, role, tier, workstreamId: orNone(workstream), parentBriefId: orNone(parent), ready };
}

const pageSize = 1000;

/** Pages of brief outlines (no payload or result), each with the filter that selected it. */
async function* pagesOf(board: Blackboard<Mode>, filter: BriefFilter, limit = Number.POSITIVE_INFINITY) {
  let after: string | undefined;
  for (let left = limit; left > 0; left -= pageSize) {
    const asked = { ...filter, after, limit: Math.min(left, pageSize) };
    const { items, next } = await listBriefOutlines(board, asked);
    if (items.length > 0) yield { briefs: items, filter: asked };
    if (next === null) return;
    after = next;
  }
}

type WriteBriefs = (briefs: readonly BriefOutline[], filter: BriefFilter) => Promise<void>;

/** Writes complete rows as JSON, reading a bounded number at a time. */
function rowsWriter(board: Blackboard<Mode>): WriteBriefs {
  return async (outlines, filter) => {
    if (!outlines.every(hasId)) return await writeLines((await board.listBriefs(filter)).items);
    const found = new Map(outlines.map((outline) => [outline.briefId, outline]));
    for await (const briefs of readBriefs(board, [...found.keys()])) {
      // The outline's fields win: the brief may have changed since it was listed and no longer match the filter.
      await writeLines(briefs.map((brief) => ({ ...brief, ...found.get(brief.briefId) })));
    }
  };
}

/** False for an id that is NULL (Python reference) or not text (other programs): such a row can't be read by id. */
export function hasId({ briefId }: BriefOutline): boolean {
  return typeof briefId === "string";
}

/** Prints one row per line as JSON. */
export async function writeLines(rows: readonly object[]): Promise<void> {
  await printAll(lines(rows));
}

function* lines(rows: readonly object[]): Generator<string, void, void> {
  for (const row of rows) yield `${asJson(row)}\n`;
}

/** Has a column for the reasons of failures only where there may be some. */
async function briefsWriter(board: Blackboard<Mode>, { status: statuses }: Filters): Promise<WriteBriefs> {
  const { briefs: counts } = await board.getRunSummary();
  const hasFailed = counts.failed > 0 && (statuses?.includes("failed") ?? true);
  const write = tableWriter([
    { name: "brief", shrinks: true },
    { name: "status" },
    { name: "role", shrinks: true },
    { name: "tier", align: "right", drops: 2 },
    { name: "workstream", shrinks: true, drops: 3 },
    { name: "parent", shrinks: true, drops: 4 },
    { name: "waits for", align: "right", drops: 0 },
    { name: "retries", align: "right", drops: 1 },
    { name: "agent", shrinks: true },
    { name: "changed", align: "right" },
    ...(hasFailed ? [{ name: "reason", shrinks: true }] : []),
  ]);
  return async (briefs) => {
    const reasons = hasFailed ? await reasonsOf(board, briefs) : undefined;
    await write(
      briefs.map((brief) => [
        printable(brief.briefId),
        status(brief.status),
        printable(brief.role),
        printable(brief.tier),
        printable(brief.workstreamId ?? "-"),
        printable(brief.parentBriefId ?? "-"),
        brief.status === "pending" && brief.waitsFor > 0 ? printable(brief.waitsFor) : "-",
        printable(brief.retryCount),
        printable(brief.claimedBy ?? "-"),
        age(brief.updatedAt),
        ...(reasons ? [reasonText(reasons.get(brief.briefId))] : []),
      ]),
    );
  };
}

/** Returns why the failed ones of these briefs failed. */
export async function reasonsOf(
  board: Blackboard<Mode>,
  briefs: readonly BriefOutline[],
): Promise<ReadonlyMap<string, string>> {
  const failed = briefs.filter((brief) => brief.status === "failed" && hasId(brief));
  if (failed.length === 0) return new Map();
  const failures = await explainFailures(
    board,
    failed.map(({ briefId }) => briefId),
  );
  return new Map(failures.map(({ briefId, reason }) => [briefId, reason]));
}

/** Returns a function that prints events as a table. */
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
        printable(seq),
        printable(createdAt),
        status(kind),
        printable(briefId ?? "-"),
        Object.keys(detail).length === 0 ? "" : asJson(detail),
      ]),
    );
}
