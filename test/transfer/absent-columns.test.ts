/** An export of before a column was added arrives: the column gets its default, or NULL. */
import { getTableColumns } from "drizzle-orm";
import { InvalidInputError, importRun } from "run-blackboard";
import { briefs, events, runs, workstreams } from "run-blackboard/schema";
import { describe, expect, test } from "vitest";
import { caught } from "../behaviour/engine.ts";
import { sites, textOf, wholeRun } from "./places.ts";

type Line = Record<string, Record<string, unknown>>;

const tables = { run: runs, workstream: workstreams, brief: briefs, event: events };
const columns = Object.entries(tables).flatMap(([entity, table]) =>
  Object.entries(getTableColumns(table)).map(([name, { notNull, default: value }]) => ({
    entity,
    name,
    optional: !notNull || value !== undefined,
  })),
);
const optional = columns.filter((column) => column.optional);
const required = columns.filter((column) => !column.optional);

/** The lines without some columns, in every row. */
const without = (lines: readonly Line[], absent: readonly { entity: string; name: string }[]): string =>
  lines
    .map((line) => {
      const copy = structuredClone(line);
      for (const { entity, name } of absent) delete copy[entity]?.[name];
      return `${JSON.stringify(copy)}\n`;
    })
    .join("");

describe.each(sites)("an import into %s", (_, site) => {
  /** A run whose rows hold nothing but defaults where they may, and the lines of its export. */
  async function exported() {
    const there = await site();
    const board = await there.open("r");
    await board.createRun("a goal");
    await board.createWorkstream({ workstreamId: "w", name: "name", tier: 1 });
    await board.createBrief({ briefId: "b", tier: 1, role: "coder" });
    await board.logEvent("spawned", { eventId: "e" });
    const text = await textOf(there.run("r"));
    const lines: Line[] = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    return { there, lines, original: await wholeRun(board) };
  }

  test("without the columns that may be NULL or have a default is the same run", async () => {
    expect(optional.length).toBeGreaterThan(10);
    const { there, lines, original } = await exported();
    const target = await site();
    expect(await importRun([without(lines, optional)], target.anywhere)).toMatchObject({ briefs: 1, events: 1 });
    expect(await wholeRun(await target.open("r"))).toEqual(original);
    for (const [index, column] of optional.entries()) {
      await importRun([without(lines, [column])], there.run(`r${index}`));
      const { briefs, workstreams } = await wholeRun(await there.open(`r${index}`));
      const unmoved = (rows: object[]) => rows.map((row) => ({ ...row, runId: "r" }));
      expect(unmoved(briefs), column.name).toEqual(original.briefs);
      expect(unmoved(workstreams), column.name).toEqual(original.workstreams);
    }
  });

  test("without any other column is refused, which names it, and leaves nothing", async () => {
    expect(required.length).toBeGreaterThan(15);
    const { lines } = await exported();
    const target = await site();
    const before = await target.contents();
    for (const column of required) {
      const error = await caught(InvalidInputError, () => importRun([without(lines, [column])], target.anywhere));
      expect(error.issues.map(({ path }) => path)).toContainEqual(
        expect.stringContaining(`${column.entity}.${column.name}`),
      );
      expect(await target.contents()).toEqual(before);
    }
  });
});
