/**
 * Imports a run from the text that `export.ts` writes: validates every line, and imports the run atomically.
 */
import { events, runs, workstreams } from "../../drizzle/schema.ts";
import { ConflictError, InvalidInputError } from "../errors.ts";
import { isArray } from "../foreign.ts";
import { Check, shown } from "../input/check.ts";
import type { Operation } from "../operations/operation.ts";
import type { Run } from "../operations/runs.ts";
import {
  insertBriefs,
  insertEvents,
  insertRun,
  insertWorkstreams,
  type StoredEvent,
  type WholeBrief,
  type Written,
} from "../operations/whole-runs.ts";
import type { Workstream } from "../operations/workstreams.ts";
import { quoted } from "../shown.ts";
import { formatName, formatVersion } from "./export.ts";
import { atLine, type Chunks, type JsonLine, jsonLines, refusedLine } from "./lines.ts";
import type { RunPlace, Store } from "./place.ts";
import { requireBrief, requireRow } from "./rows.ts";

/** The imported run: its id, location and numbers of rows. */
export interface ImportedRun {
  runId: string;
  /** The file, or the server and database without credentials. */
  location: string;
  workstreams: number;
  briefs: number;
  events: number;
}

export async function importText(chunks: Chunks, place: RunPlace, mode: number): Promise<ImportedRun> {
  const lines = jsonLines(chunks);
  try {
    const first = await lines.next();
    if (first.done) throw refusedLine(1, "is missing: the text is empty");
    const run = headOf(first.value);
    const runId = place.runId ?? run.runId;
    return await place.receive(runId, (store) => fill(store, lines, run, runId), mode);
  } finally {
    // Closes the stream, even when it has not been read to its end.
    await lines.return();
  }
}

function headOf({ line, value }: JsonLine): Run {
  if (!isObject(value) || value.format !== formatName) {
    throw refusedLine(line, `must be the header of an export, with "format": "${formatName}", got ${shown(value)}`);
  }
  const { version } = value;
  if (typeof version === "number" && version > formatVersion) {
    const message = `has format version ${version}, but this version of run-blackboard supports up to ${formatVersion}: upgrade it`;
    throw refusedLine(line, message);
  }
  return located(line, () => {
    const check = new Check();
    check.object("", value, { format: true, version: true, run: true });
    check.integer("version", version, 1, formatVersion);
    check.done();
    return requireRow("run", runs, value.run);
  });
}

async function fill(store: Store, lines: AsyncIterable<JsonLine>, run: Run, runId: string): Promise<ImportedRun> {
  const { location } = store;
  const inserted = await store.run(() => insertRun([{ ...run, runId }]));
  if (inserted.length === 0) throw runTaken(runId, location);
  const tray = <Row extends object>(
    entity: string,
    idOf: (row: Row) => string,
    insert: (rows: readonly Row[]) => Operation<Written[]>,
  ) => new Tray<Row>(entity, idOf, async (rows) => await store.run(() => insert(rows)));
  const trays = {
    workstreams: tray("workstream", (row: Workstream) => row.workstreamId, insertWorkstreams),
    briefs: tray("brief", (row: WholeBrief) => row.briefId, insertBriefs),
    events: tray("event", (row: StoredEvent) => row.eventId, insertEvents),
  };
  let seq = 0;
  let end: JsonLine | undefined;
  for await (const { line, value } of lines) {
    if (end) throw refusedLine(line, `appears after the end marker (line ${end.line})`);
    const [kind, content] = only(line, value);
    const own = <Row extends { runId: string }>(row: Row): Row => {
      if (row.runId === run.runId) return { ...row, runId };
      throw refusedLine(line, `belongs to run ${shown(row.runId)}, but this is an export of run ${shown(run.runId)}`);
    };
    switch (kind) {
      case "workstream":
        await trays.workstreams.put(line, own(located(line, () => requireRow(kind, workstreams, content))));
        break;
      case "brief": {
        const brief = own(located(line, () => requireBrief(content)));
        await trays.briefs.put(line, {
          ...brief,
          payload: stored(brief.payload),
          result: stored(brief.result),
          progress: stored(brief.progress),
        });
        break;
      }
      case "event": {
        const event = own(located(line, () => requireRow(kind, events, content)));
        if (event.seq <= seq)
          throw refusedLine(line, `must have a seq greater than ${seq}, the previous event's, got ${event.seq}`);
        seq = event.seq;
        await trays.events.put(line, { ...event, detail: stored(event.detail) });
        break;
      }
      case "end":
        end = { line, value: content };
        break;
      default:
        throw refusedLine(line, `must contain exactly one of workstream, brief, event, end, got ${shown(value)}`);
    }
  }
  const counts = { workstreams: 0, briefs: 0, events: 0 };
  for (const name of ["workstreams", "briefs", "events"] as const) counts[name] = await trays[name].finish();
  requireEnd(end, counts);
  if (seq > 0) await store.lastSeq?.(seq);
  return { runId, location, ...counts };
}

const stored = (value: object | null) => (value === null ? null : JSON.stringify(value));

/** Compares the row counts with the end marker: a truncated file has no marker, a file with a lost line has different counts. */
function requireEnd(end: JsonLine | undefined, counts: Record<string, number>): void {
  if (!end) throw new InvalidInputError([{ path: "end", message: "is missing: the text was truncated" }]);
  located(end.line, () => {
    const check = new Check();
    const given = check.object<Record<string, unknown>>("end", Object(end.value), {
      workstreams: true,
      briefs: true,
      events: true,
    });
    for (const [name, count] of Object.entries(counts)) {
      if (given[name] !== count)
        check.refuse(`end.${name}`, `must be ${count}, the number of ${name} in the text, got ${shown(given[name])}`);
    }
    check.done();
  });
}

/** Returns the line's only key and its value. */
function only(line: number, value: unknown): [string, unknown] {
  const [entry, ...others] = isObject(value) ? Object.entries(value) : [];
  if (entry && others.length === 0) return entry;
  throw refusedLine(line, `must contain exactly one of workstream, brief, event, end, got ${shown(value)}`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function located<T>(line: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw atLine(line, error);
  }
}

export function runTaken(runId: string, location: string): ConflictError {
  const message =
    `Run ${quoted(runId)} already exists at ${location}, and an import does not merge runs. Nothing was written; ` +
    `pass a different \`runId\` for the imported run.`;
  return new ConflictError("run", runId, ["runId"], message);
}

/** Maximum number of rows, and of characters, in one insert. */
const maxRows = 256;
const maxLength = 2 ** 20;

/** Batches the rows for one table: one round trip to a server per row would take longer than the write. */
class Tray<Row extends object> {
  readonly #entity: string;
  readonly #idOf: (row: Row) => string;
  readonly #insert: (rows: readonly Row[]) => Promise<Written[]>;
  #rows: Row[] = [];
  #lines: number[] = [];
  #length = 0;
  #count = 0;

  constructor(entity: string, idOf: (row: Row) => string, insert: (rows: readonly Row[]) => Promise<Written[]>) {
    this.#entity = entity;
    this.#idOf = idOf;
    this.#insert = insert;
  }

  async put(line: number, row: Row): Promise<void> {
    this.#rows.push(row);
    this.#lines.push(line);
    for (const value of Object.values(row)) this.#length += lengthOf(value);
    if (this.#rows.length >= maxRows || this.#length >= maxLength) await this.#write();
  }

  /** Writes the remaining rows. Returns the number of rows written in total. */
  async finish(): Promise<number> {
    if (this.#rows.length > 0) await this.#write();
    return this.#count;
  }

  async #write(): Promise<void> {
    const free = new Set((await this.#insert(this.#rows)).map((row) => row.id));
    // When two rows have the same id, the insert wrote the first one.
    for (const [index, row] of this.#rows.entries()) {
      const id = this.#idOf(row);
      if (!free.delete(id)) throw refusedLine(this.#lines[index], `has a duplicate ${this.#entity} id, ${shown(id)}`);
    }
    this.#count += this.#rows.length;
    this.#rows = [];
    this.#lines = [];
    this.#length = 0;
  }
}

/** The number of characters in a text or in a list of texts. */
function lengthOf(value: unknown): number {
  if (typeof value === "string") return value.length;
  return isArray(value) ? value.reduce((sum: number, item) => sum + lengthOf(item), 0) : 0;
}
