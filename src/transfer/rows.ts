/**
 * Validates rows read from a file: no name is unknown, and each value is valid for its column. The rules are derived from the
 * Drizzle table, so that a new column needs no change here.
 */
import { type Column, getTableColumns, type Table } from "drizzle-orm";
import type { BriefRow as BriefColumns } from "../../drizzle/rows.ts";
import { briefs } from "../../drizzle/schema.ts";
import { holdsJson, isNumeric } from "../drizzle-versions.ts";
import { isArray } from "../foreign.ts";
import { Check, maxInteger, minInteger, shown, textFlaw } from "../input/check.ts";
import { encodeObject } from "../input/json.ts";
import { derivedBriefColumns, type WholeBrief } from "../operations/whole-runs.ts";

/**
 * The highest `seq` that an import accepts. The next event gets a higher one, and integers are exact up to 2^53: 2^52 values
 * remain, enough for a million events a second for 140 years.
 */
const maxImportedSeq = 2 ** 52;

type Rule = (check: Check, path: string, value: unknown) => void;

interface ColumnRule {
  readonly name: string;
  readonly path: string;
  readonly rule: Rule;
  /** The value of a column that the export doesn't have; `undefined` where it must have one. */
  readonly absent: unknown;
}

interface Rules {
  readonly entity: string;
  readonly names: Readonly<Record<string, true>>;
  readonly columns: readonly ColumnRule[];
}

/** A brief as an export has it: without derived columns, and with the ids of the briefs that it comes after. */
export type BriefRow = Omit<WholeBrief, "payload" | "result" | "progress"> &
  Pick<BriefColumns, "payload" | "result" | "progress">;

/**
 * Returns `value` as a row of `table`, with every column. A missing column that may be NULL or has a default gets that value, so
 * that an export from before the column was added can be read. Issue paths begin with `entity`.
 * @throws InvalidInputError for an invalid row.
 */
export function requireRow<T extends Table>(entity: string, table: T, value: unknown): T["$inferSelect"] {
  return required<T["$inferSelect"]>(rulesOf(entity, table), value);
}

/**
 * Returns `value` as a brief; one without `after` comes after none, as in format version 1.
 * @throws InvalidInputError, also for a derived column, which no export has.
 */
export function requireBrief(value: unknown): BriefRow {
  return required<BriefRow>(briefRules, value);
}

function required<Row>({ entity, names, columns }: Rules, value: unknown): Row {
  const check = new Check();
  const given: Partial<Record<string, unknown>> = check.object(entity, value ?? Object(null), names);
  const row = Object.fromEntries(
    columns.map(({ name, absent }) => [name, given[name] === undefined ? absent : given[name]]),
  );
  if (isRow<Row>(check, columns, row)) return row;
  check.done();
  throw new TypeError(`${entity}: refused without a reason`);
}

/** Returns whether `row` meets the rules; adds the reasons to `check` otherwise. */
function isRow<Row>(
  check: Check,
  columns: Rules["columns"],
  row: Readonly<Record<string, unknown>>,
): row is Row & typeof row {
  if (check.refusals === 0) for (const { name, path, rule } of columns) rule(check, path, row[name]);
  return check.refusals === 0;
}

const made = new WeakMap<Table, Rules>();

function rulesOf(entity: string, table: Table): Rules {
  const present = made.get(table);
  if (present) return present;
  const columns = Object.entries(getTableColumns(table)).map(([name, column]) => ({
    name,
    path: `${entity}.${name}`,
    rule: column.notNull ? ruleOf(name, column) : nullable(ruleOf(name, column)),
    absent: absentOf(column),
  }));
  const rules = rulesFor(entity, columns);
  made.set(table, rules);
  return rules;
}

function rulesFor(entity: string, columns: readonly ColumnRule[]): Rules {
  return { entity, columns, names: Object.fromEntries(columns.map(({ name }) => [name, true])) };
}

const isDerived = (name: string) => derivedBriefColumns.some((derived) => derived === name);

const briefRules = rulesFor("brief", [
  ...rulesOf("brief", briefs).columns.filter(({ name }) => !isDerived(name)),
  { name: "after", path: "brief.after", rule: ids, absent: [] },
]);

/** In any number and order, and repeated: a run of another program can be moved too. */
function ids(check: Check, path: string, value: unknown): void {
  if (isArray(value)) check.list(path, value, (at, id) => text(check, at, id));
  else check.refuse(path, `must be an array of brief ids, got ${shown(value)}`);
}

function absentOf({ default: value, notNull }: Column): unknown {
  if (typeof value === "string" || typeof value === "number") return value;
  return notNull ? undefined : null;
}

/** Less strict than the create operations: a run with rows of other programs, which validate less, can be moved too. */
function ruleOf(name: string, column: Column): Rule {
  const [first, ...others] = column.enumValues ?? [];
  if (first !== undefined) return (check, path, value) => void check.member(path, value, [first, ...others]);
  if (holdsJson(column)) return (check, path, value) => void encodeObject(check, path, value);
  if (name === "seq") return (check, path, value) => void check.integer(path, value, 1, maxImportedSeq);
  if (name === "priority" || name === "tier")
    return (check, path, value) => void check.integer(path, value, minInteger, maxInteger);
  if (isNumeric(column)) return (check, path, value) => void check.integer(path, value, 0, maxInteger);
  return name.endsWith("At") || name === "notBefore" ? timestamp : text;
}

function nullable(rule: Rule): Rule {
  return (check, path, value) => {
    if (value !== null) rule(check, path, value);
  };
}

/** Accepts any text, also empty text, for ids too: the Python module limits neither their length nor that of a name. */
function text(check: Check, path: string, value: unknown): void {
  const flaw = typeof value === "string" ? textFlaw(value) : "must be a string";
  if (flaw) check.refuse(path, `${flaw}, got ${shown(value)}`);
}

/** The formats of this package and of the Python reference: `2026-11-22T06:40:15.123Z`, `2026-11-22T06:40:15.123456+00:00`. */
const timestampForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|\+00:00)$/;

function timestamp(check: Check, path: string, value: unknown): void {
  if (typeof value === "string" && timestampForm.test(value) && !Number.isNaN(Date.parse(value))) return;
  check.refuse(path, `must be an ISO 8601 time in UTC, such as 2026-11-22T06:40:15.123Z, got ${shown(value)}`);
}
