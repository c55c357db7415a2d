/**
 * The tools of the MCP server: the operations of a run, one for each thing an agent can do.
 */
import type {
  Brief,
  BriefFilter,
  EventFilter,
  EventKind,
  NewWorkstream,
  PlainObject,
  RunStatus,
  WaitFilter,
  WorkstreamFilter,
  WorkstreamStatus,
} from "../../errors-and-types.ts";
import { listBriefOutlines, readBriefs } from "../../inspect.ts";
import type { Board } from "../writing.ts";
import { type BriefLine, newBriefOf } from "./input.ts";
import { countsOf } from "./log.ts";
import * as schema from "./schemas.ts";
import { type Tool, tool } from "./tool.ts";

export const runTools: readonly Tool[] = [
  tool<{ goal: string }>({
    name: "create_run",
    description:
      "Creates the run with a goal. Everything else needs it. If the run exists with the same goal, returns it unchanged; with another goal, it is a CONFLICT.",
    properties: { goal: schema.text("What the whole run is to achieve.") },
    required: ["goal"],
    call: async ({ goal }, { create }) => (await create()).createRun(goal),
  }),
  tool<Record<string, never>>({
    name: "get_run",
    description:
      "Returns the run: its goal, its status, the number of workstreams and briefs by status, the number of events by kind, and lastSeq, the seq of the newest event.",
    properties: {},
    reads: true,
    call: async (_, { board }) => (await board()).getRunSummary(),
  }),
  tool<{ status: RunStatus }>({
    name: "set_run_status",
    description: "Sets the run's status. Logs no event.",
    properties: { status: schema.runStatus },
    required: ["status"],
    call: async ({ status }, { board }) => (await board()).updateRunStatus(status),
  }),
  tool<Omit<NewWorkstream, "tier"> & { tier?: number }>({
    name: "create_workstream",
    description:
      "Creates a workstream, a part of the goal that groups briefs. Repeating the call with the same id and data is allowed.",
    properties: {
      name: schema.text("Its name, for people."),
      workstreamId: schema.id("An id of your own, to refer to it; a UUID when left out."),
      tier: schema.integer("A level of your choice; 1 when left out."),
      ownerAgentId: schema.id("The agent that owns it."),
    },
    required: ["name"],
    call: async ({ tier = 1, ...workstream }, { board }) => (await board()).createWorkstream({ ...workstream, tier }),
  }),
  tool<{ workstreamId: string; status: WorkstreamStatus }>({
    name: "set_workstream_status",
    description: "Sets a workstream's status. Logs no event.",
    properties: { workstreamId: schema.id("The workstream's id."), status: schema.workstreamStatus },
    required: ["workstreamId", "status"],
    call: async ({ workstreamId, status }, { board }) => (await board()).updateWorkstreamStatus(workstreamId, status),
  }),
  tool<WorkstreamFilter>({
    name: "list_workstreams",
    description:
      "Lists workstreams, oldest first: { items, next }. Pass next as after for the following page; null means there is none.",
    properties: { after: schema.text("`next` of the previous page."), limit: schema.limit },
    reads: true,
    call: async (filter, { board }) => (await board()).listWorkstreams(filter),
  }),
];

export const briefTools: readonly Tool[] = [
  tool<{ briefs: BriefLine[]; detail?: PlainObject }>({
    name: "spawn_briefs",
    description:
      "Creates 1 to 1000 briefs (tasks for agents) in one commit, all or none, and logs spawned for each. With ids of your own the call may be repeated: briefs that exist with the same data are returned unchanged.",
    properties: {
      briefs: { type: "array", items: schema.newBrief, minItems: 1, maxItems: 1000, description: "The new briefs." },
      detail: schema.detail,
    },
    required: ["briefs"],
    call: async ({ briefs, detail }, { board }) => {
      const checked = briefs.map((brief, n) => newBriefOf(`briefs[${n}]`, brief));
      return { briefs: await (await board()).spawnBriefs(checked, detail) };
    },
  }),
  tool<{ briefId: string }>({
    name: "get_brief",
    description:
      "Returns { brief }: its status, payload, result, progress and holder; null if there is none with this id.",
    properties: { briefId: schema.briefId },
    required: ["briefId"],
    reads: true,
    call: async ({ briefId }, { board }) => ({ brief: (await (await board()).getBrief(briefId)) ?? null }),
  }),
  tool<BriefFilter>({
    name: "list_briefs",
    description:
      "Lists briefs without payloads and results, oldest first: { items, next }. Pass next as after for the following page; null means there is none. ready: true are the pending briefs that can be claimed now, ready: false the other pending ones.",
    properties: {
      status: schema.statusFilter,
      role: schema.roleFilter,
      tier: schema.tierFilter,
      workstreamId: schema.workstreamFilter,
      parentBriefId: schema.parentFilter,
      ready: { type: "boolean", description: "Whether pending briefs wait for no brief and no time." },
      after: schema.text("`next` of the previous page."),
      limit: schema.limit,
    },
    reads: true,
    call: async (filter, { board }) => listBriefOutlines(await board(), filter),
  }),
  tool<WaitFilter & { timeoutSeconds?: number }>({
    name: "wait_for_briefs",
    description:
      "Waits until no brief that matches is pending or active. Returns { finished: true, counts } and, for briefIds, the briefs with their results; or { finished: false } when the time is over: call it again to go on waiting. A failed brief counts as finished.",
    properties: {
      briefIds: schema.briefIds,
      parentBriefId: schema.parentFilter,
      role: schema.roleFilter,
      tier: schema.tierFilter,
      workstreamId: schema.workstreamFilter,
      timeoutSeconds: schema.integer(
        "How long to wait at most; 30 when left out. Many clients stop waiting after 60.",
        0,
        3600,
      ),
    },
    reads: true,
    call: async ({ timeoutSeconds = 30, ...filter }, { board, signal }) => {
      const over = AbortSignal.timeout(timeoutSeconds * 1000);
      const opened = await board();
      const counts = await countsOf(opened, filter, AbortSignal.any([over, signal]));
      if (!counts) return { finished: false };
      return { finished: true, counts, ...(filter.briefIds && { briefs: await resultsOf(opened, filter.briefIds) }) };
    },
  }),
];

async function resultsOf(
  board: Board,
  ids: readonly string[],
): Promise<Pick<Brief, "briefId" | "status" | "result">[]> {
  const results = [];
  for await (const briefs of readBriefs(board, ids)) {
    for (const { briefId, status, result } of briefs) results.push({ briefId, status, result });
  }
  return results;
}

export const eventTools: readonly Tool[] = [
  tool<{ kind: EventKind; eventId?: string; briefId?: string; detail?: PlainObject }>({
    name: "log_event",
    description:
      "Appends an event to the run's log, for others to read. It changes no brief: the tools that change briefs log their own events.",
    properties: {
      kind: schema.eventKind,
      briefId: schema.id("The brief that it is about."),
      eventId: schema.id("An id of your own, so that the call may be repeated; a UUID when left out."),
      detail: schema.detail,
    },
    required: ["kind"],
    call: async ({ kind, ...event }, { board }) => (await board()).logEvent(kind, event),
  }),
  tool<EventFilter>({
    name: "list_events",
    description:
      "Lists events in order of seq: { items, next }. Pass the last seq you have seen as after to read what is new.",
    properties: {
      after: { type: "integer", minimum: 0, description: "Only events with a greater seq." },
      kinds: schema.eventKindsFilter,
      briefId: schema.id("Only events of this brief."),
      limit: schema.limit,
    },
    reads: true,
    call: async (filter, { board }) => (await board()).listEvents(filter),
  }),
];
