/**
 * `briefs`: lists a run's briefs.
 */
import { Command, Option } from "commander";
import type { Blackboard, BlackboardEvent, BriefFilter, BriefOutline, Mode } from "../errors-and-types.ts";
import { readBriefs } from "../inspect.ts";
import { narrowBriefs } from "../operator.ts";
import { type FilterOptions, type Selection, selectedBriefs, selectionOf, withFilters } from "./brief-filters.ts";
import { idsOf, type ShowId } from "./ids.ts";
import { look, type RunOptions, withRun, withWide } from "./locations.ts";
import { wholeNumber } from "./option-values.ts";
import { asJson, printAll, printable, printLine } from "./output.ts";
import { age, status, tableWriter } from "./terminal.ts";

const orders = {
  created: undefined,
  changed: (a, b) => compare(b.updatedAt, a.updatedAt),
  priority: (a, b) => compare(b.priority, a.priority),
  retries: (a, b) => compare(b.retryCount, a.retryCount),
  role: (a, b) => compare(a.role, b.role),
  agent: (a, b) => compare(a.claimedBy ?? "\uffff", b.claimedBy ?? "\uffff"),
} satisfies Record<string, ((a: BriefOutline, b: BriefOutline) => number) | undefined>;

interface Options extends RunOptions, FilterOptions {
  limit?: number;
  sort: keyof typeof orders;
  wide?: boolean;
}

export function briefsCommand(): Command {
  return withWide(withFilters(withRun(new Command("briefs"), "<run|file>")))
    .description("lists the briefs of a run, oldest first")
    .addOption(
      new Option("--sort <order>", "newest change, highest priority, most retries, name of role or agent first")
        .choices(Object.keys(orders))
        .default("created"),
    )
    .option("--limit <n>", "maximum number of briefs to print", wholeNumber)
    .addHelpText(
      "after",
      `
JSON: one brief per line.

Examples:
  run-blackboard briefs abc123 --status failed,active --sort changed
  run-blackboard briefs abc123 --agent coder-7 --since 1h
  run-blackboard briefs abc123 --role coder --parent plan --json | jq -r .briefId`,
    )
    .action((given: string, options: Options) =>
      look(given, options, async ({ board }) => {
        const selection = await selectionOf(board, options);
        const write = options.json ? rowsWriter(board, selection) : await briefsWriter(board, options);
        let count = 0;
        for await (const { briefs, filter } of pagesOf(board, selection, options)) {
          count += briefs.length;
          await write(briefs, filter);
        }
        if (count === 0 && !options.json) await printLine("No briefs.");
      }),
    );
}

async function* pagesOf(board: Blackboard<Mode>, selection: Selection, { sort, limit }: Options) {
  const order = orders[sort];
  if (order === undefined) return yield* selectedBriefs(board, selection, limit);
  const all: BriefOutline[] = [];
  for await (const { briefs } of selectedBriefs(board, selection)) all.push(...briefs);
  const first = all.sort(order).slice(0, limit);
  // In pages, so that rows are not read for all of them at once.
  for (let from = 0; from < first.length; from += 1000) {
    yield { briefs: first.slice(from, from + 1000), filter: undefined };
  }
}

/** Another program may have stored a value of any type. */
function compare(a: unknown, b: unknown): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0;
}

type WriteBriefs = (briefs: readonly BriefOutline[], filter: BriefFilter | undefined) => Promise<void>;

/** Writes complete rows as JSON, reading a bounded number at a time. */
function rowsWriter(board: Blackboard<Mode>, { narrowing }: Selection): WriteBriefs {
  return async (outlines, filter) => {
    if (filter && !outlines.every(hasId)) {
      return await writeLines((await narrowBriefs(board, filter, narrowing)).items);
    }
    const named = outlines.filter(hasId);
    const found = new Map(named.map((outline) => [outline.briefId, outline]));
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

async function briefsWriter(board: Blackboard<Mode>, options: { wide?: boolean }): Promise<WriteBriefs> {
  const briefIds = await idsOf(board, "brief", options);
  const workstreamIds = await idsOf(board, "workstream", options);
  const write = tableWriter([
    { name: "brief", shrinks: "start", narrowest: 16 },
    { name: "status" },
    { name: "role", shrinks: "end", narrowest: 10 },
    { name: "tier", align: "right", drops: 0 },
    { name: "workstream", shrinks: "start", narrowest: 10, drops: 3 },
    { name: "parent", shrinks: "start", narrowest: 10, drops: 2 },
    { name: "waits for", align: "right", drops: 4 },
    { name: "retries", align: "right", drops: 1 },
    { name: "agent", shrinks: "end", narrowest: 12 },
    { name: "changed", align: "right" },
  ]);
  return (briefs) =>
    write(
      briefs.map((brief) => [
        briefIds(brief.briefId),
        status(brief.status),
        printable(brief.role),
        printable(brief.tier),
        workstreamIds(brief.workstreamId),
        briefIds(brief.parentBriefId),
        brief.status === "pending" && brief.waitsFor > 0 ? printable(brief.waitsFor) : "-",
        printable(brief.retryCount),
        printable(brief.claimedBy ?? "-"),
        age(brief.updatedAt),
      ]),
    );
}

/** Returns a function that prints events as a table. */
export function eventsWriter(showId: ShowId): (events: readonly BlackboardEvent[]) => Promise<void> {
  const write = tableWriter([
    { name: "seq", align: "right" },
    { name: "time" },
    { name: "kind" },
    { name: "brief", shrinks: "start", narrowest: 16 },
    { name: "detail", shrinks: "end", drops: 1 },
  ]);
  return (events) =>
    write(
      events.map(({ seq, createdAt, kind, briefId, detail }) => [
        printable(seq),
        printable(createdAt),
        status(kind),
        showId(briefId),
        Object.keys(detail).length === 0 ? "" : asJson(detail),
      ]),
    );
}
