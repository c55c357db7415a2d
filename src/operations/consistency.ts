/**
 * What no schema declares and other programs may break: that a brief's parent, workstream and dependencies and an event's brief
 * are rows of the same run, that parents form a tree and dependencies no circle, that a claim can take what is pending or
 * claimed, and that what claims rely on is right.
 */
import { and, eq, isNotNull, notExists, sql } from "drizzle-orm";
import { quoted } from "../shown.ts";
import { findCircles, findLoose } from "./dependency-checks.ts";
import { inSnapshot, type Operation, statement } from "./operation.ts";
import { findWrong } from "./recount.ts";
import { findUnclaimable, type Reason } from "./unclaimable.ts";

/** One kind of flaw of one run. */
export interface Flaw {
  kind: "orphan" | "cycle" | "unclaimable" | "queue";
  message: string;
}

const parents = statement<Record<string, never>>()(({ db, t: { briefs } }) =>
  db
    .select({ runId: briefs.runId, briefId: briefs.briefId, parentBriefId: briefs.parentBriefId })
    .from(briefs)
    .orderBy(briefs.runId, briefs.briefId),
);

const reasons: Readonly<Record<Reason, string>> = {
  id: "has no id that a claim can name (a text of 1 to 256 characters)",
  role: "has a role that is not text",
  attempt: "has an attempt that cannot be incremented (an integer from 0, below 2147483647)",
  payload: "has a payload that is not a JSON object",
  result: "has a result that is not a JSON object",
  progress: "has progress that is not a JSON object",
};

const first = <T>(name: T) => sql<string>`min(${name})`;
const n = sql<number>`count(*)`;

const withoutWorkstream = statement<Record<string, never>>()(({ db, t: { briefs, workstreams } }) => {
  const workstream = db
    .select({ found: sql`1` })
    .from(workstreams)
    .where(and(eq(workstreams.runId, briefs.runId), eq(workstreams.workstreamId, briefs.workstreamId)));
  return db
    .select({ runId: briefs.runId, n, example: first(briefs.briefId) })
    .from(briefs)
    .where(and(isNotNull(briefs.workstreamId), notExists(workstream)))
    .groupBy(briefs.runId)
    .orderBy(briefs.runId);
});

const withoutBrief = statement<Record<string, never>>()(({ db, t: { briefs, events } }) => {
  const brief = db
    .select({ found: sql`1` })
    .from(briefs)
    .where(and(eq(briefs.runId, events.runId), eq(briefs.briefId, events.briefId)));
  return db
    .select({ runId: events.runId, n, example: first(events.eventId) })
    .from(events)
    .where(and(isNotNull(events.briefId), notExists(brief)))
    .groupBy(events.runId)
    .orderBy(events.runId);
});

/** Of all runs of the database. */
export function* findFlaws(): Operation<Flaw[]> {
  return yield* inSnapshot(function* () {
    const flaws: Flaw[] = [];
    const add = (kind: Flaw["kind"], runId: string, count: number, what: string, ...examples: string[]) => {
      const ids = examples.map((id) => quoted(String(id))).join(", ");
      const message = `run ${quoted(runId)}: ${what}: ${count}${ids && `, such as ${ids}`}`;
      flaws.push({ kind, message });
    };
    const rows = yield* parents({});
    for (const [runId, briefs] of byRun(rows)) {
      const { orphans, cyclic } = looseBriefs(briefs);
      if (orphans[0] !== undefined)
        add("orphan", runId, orphans.length, "briefs without the parent they name", orphans[0]);
      if (cyclic[0] !== undefined)
        add("cycle", runId, cyclic.length, "briefs whose parent links form a cycle", cyclic[0]);
    }
    for (const { runId, n, example } of yield* withoutWorkstream({})) {
      add("orphan", runId, Number(n), "briefs without the workstream they name", example);
    }
    for (const { runId, n, example } of yield* withoutBrief({})) {
      add("orphan", runId, Number(n), "events without the brief they name", example);
    }
    for (const { runId, n, ids } of yield* findLoose("blockerId")) {
      add("orphan", runId, n, "briefs that come after a brief that is missing", ...ids);
    }
    for (const { runId, n, ids } of yield* findLoose("briefId")) {
      add("orphan", runId, n, "briefs that are missing but have dependencies", ...ids);
    }
    for (const { runId, n, ids } of yield* findCircles()) {
      add("cycle", runId, n, "briefs whose dependencies form a cycle, so that none of them can become ready", ...ids);
    }
    for (const { runId, n, example } of yield* findWrong("waitsFor")) {
      add("queue", runId, Number(n), "briefs whose count of unfinished dependencies is wrong", example);
    }
    for (const { runId, n, example } of yield* findWrong("parked")) {
      add("queue", runId, Number(n), "briefs that are kept out of the queue for no reason", example);
    }
    for (const { runId, reason, n, ids } of yield* findUnclaimable()) {
      add("unclaimable", runId, n, `briefs that cannot be claimed, since each ${reasons[reason]}`, ...ids);
    }
    return flaws;
  });
}

interface Link {
  runId: string;
  briefId: string;
  parentBriefId: string | null;
}

function byRun(links: readonly Link[]): Map<string, Link[]> {
  const runs = new Map<string, Link[]>();
  for (const link of links) {
    const present = runs.get(link.runId);
    if (present) present.push(link);
    else runs.set(link.runId, [link]);
  }
  return runs;
}

/** Briefs whose parent is not there, and those whose chain of parents never ends: in a cycle, or below one. */
function looseBriefs(briefs: readonly Link[]): { orphans: string[]; cyclic: string[] } {
  const parentOf = new Map(briefs.map(({ briefId, parentBriefId }) => [briefId, parentBriefId]));
  const isAbsent = (parent: string | null) => parent !== null && !parentOf.has(parent);
  const orphans = briefs.filter(({ parentBriefId }) => isAbsent(parentBriefId)).map(({ briefId }) => briefId);
  // What is known of a brief holds for all on the way to it: each is walked over once.
  const ends = new Map<string, boolean>();
  for (const { briefId } of briefs) {
    const way = new Set<string>();
    let at: string | null = briefId;
    while (at !== null && parentOf.has(at) && !ends.has(at) && !way.has(at)) {
      way.add(at);
      at = parentOf.get(at) ?? null;
    }
    const isEnding = at === null || !parentOf.has(at) || (ends.get(at) ?? false);
    for (const passed of way) ends.set(passed, isEnding);
  }
  return { orphans, cyclic: briefs.map(({ briefId }) => briefId).filter((briefId) => ends.get(briefId) === false) };
}
