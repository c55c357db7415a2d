/** Checks that a run's file contains every acknowledged write. */
import { contentsOf } from "./contents.ts";
import type { Entry, JournalOf } from "./journal.ts";
import type { Stage } from "./stage.ts";

/** Error codes that are allowed in every scenario; the failed call wrote nothing. */
const expectedCodes = ["BUSY", "LOST_CLAIM"];

interface CheckOptions {
  /** Additional error codes that are allowed in this scenario. */
  readonly codes?: readonly string[];
}

/** Compares the file with the journals. Returns the number of acknowledged writes. No process may have the file open. */
export function checkRun(
  stage: Stage,
  file: string,
  journals: readonly JournalOf[],
  options: CheckOptions = {},
): number {
  const { integrity, briefs, events } = contentsOf(file);
  if (integrity !== "ok") stage.found("integrity_check of the run's file fails", { example: integrity });
  const entries = journals.flatMap((journal) => journal.entries);
  const rows = new Map(briefs.map((row) => [row.brief_id, row]));
  const eventIds = new Set(events.map((row) => row.event_id));

  const missing = <T extends Entry>(what: string, list: readonly T[], isThere: (entry: T) => boolean) => {
    const lost = list.filter((entry) => !isThere(entry));
    const [first] = lost;
    if (first) stage.found(`${what} missing`, { count: lost.length, of: list.length, example: JSON.stringify(first) });
  };
  const briefEntries = entries.filter((entry) => entry.did === "brief");
  const eventEntries = entries.filter((entry) => entry.did === "event");
  const completions = entries.filter((entry) => entry.did === "complete");
  const claims = entries.filter((entry) => entry.did === "claim");
  missing("acknowledged briefs are", briefEntries, ({ id }) => rows.has(id));
  missing("acknowledged events are", eventEntries, ({ id }) => eventIds.has(id));
  missing("acknowledged completions are", completions, ({ id, attempt, by }) => {
    const row = rows.get(id);
    return row?.status === "done" && row.result === JSON.stringify({ by, attempt });
  });

  const twice = (what: string, keys: readonly string[]) => {
    const known = new Set<string>();
    const repeated = keys.filter((key) => known.size === known.add(key).size);
    const [example] = repeated;
    if (example !== undefined) stage.found(what, { count: repeated.length, of: keys.length, example });
  };
  twice(
    "briefs were completed by two claims",
    completions.map(({ id }) => id),
  );
  twice(
    "claims were handed out twice",
    claims.map(({ id, attempt }) => `${id}, attempt ${attempt}`),
  );
  twice(
    "events have the same seq",
    events.map(({ seq }) => `${seq}`),
  );
  twice(
    "events are stored twice",
    events.map(({ event_id }) => event_id),
  );

  reportErrors(stage, entries, [...expectedCodes, ...(options.codes ?? [])]);
  const acknowledged = briefEntries.length + eventEntries.length + completions.length;
  stage.count("acknowledged writes", acknowledged);
  return acknowledged;
}

/** Reports errors whose code is not allowed. */
export function reportErrors(stage: Stage, entries: readonly Entry[], allowed: readonly string[]): void {
  for (const entry of entries) {
    if (entry.did !== "error" || allowed.includes(entry.code)) continue;
    // The Python module has no error codes. A lock timeout is not a fault.
    if (entry.code === "OperationalError" && /locked/.test(entry.message)) continue;
    const what = `calls failed with ${entry.code === "none" ? "an error without a code" : entry.code}`;
    stage.found(what, { example: `${entry.during}: ${entry.message}` });
  }
}

/** Checks that each watch returned every event after its start, in order and exactly once. */
export function checkWatches(stage: Stage, file: string, watches: readonly JournalOf[]): void {
  const { events } = contentsOf(file);
  for (const { name, entries } of watches) {
    const start = entries.find((entry) => entry.did === "note" && entry.what === "watches");
    if (start?.did !== "note") continue;
    const from = Number(start.detail);
    const saw = entries.filter((entry) => entry.did === "saw");
    const ids = new Set(saw.map(({ id }) => id));
    const due = events.filter(({ seq }) => seq > from);
    const missed = due.filter(({ event_id }) => !ids.has(event_id));
    const [first] = missed;
    const last = saw.at(-1)?.seq ?? from;
    if (first) {
      const example = `${name} missed seq ${first.seq}; the last one it returned was ${last}`;
      stage.found("events were missed by a watch", { count: missed.length, of: due.length, example });
    }
    const disordered = saw.filter(({ seq }, index) => seq <= (saw[index - 1]?.seq ?? from));
    if (disordered.length > 0) {
      const example = `${name}, seq ${disordered[0]?.seq}`;
      stage.found("events were returned twice or out of order by a watch", { count: disordered.length, example });
    }
  }
}
