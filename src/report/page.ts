/**
 * The report: one self-contained HTML page, without scripts or links. Its Content-Security-Policy blocks all loading. Only the
 * page that follows its run has a script, and loads that page again.
 */
import type { BriefStatus } from "../../drizzle/vocabulary.ts";
import { type BriefOutline, quantile, type ReportData, reportLimits } from "../operations/report-data.ts";
import {
  activityChart,
  durationsChart,
  legend,
  progressChart,
  type Span,
  spanAxis,
  spanOf,
  statusBar,
  strip,
  totalOf,
} from "./charts.ts";
import { failures, maxGroups, stuck } from "./failures.ts";
import { Html, html } from "./html.ts";
import { count, duration, hasEnded, moment, numeric, short, workTime } from "./numbers.ts";
import { style } from "./style.ts";
import { table } from "./tables.ts";
import { blockersOf, drawTree, markOf } from "./tree.ts";

const maxLanes = 24;
const maxRoles = 30;
const maxAgents = 20;
const maxSlowest = 8;

/** Blocks everything but the style. */
const policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

interface Live {
  script: string;
  policy: string;
}

/** With `live`, the page has its script and its policy. */
export function renderReport(data: ReportData, location: string, madeAt: Date, live?: Live): string {
  const { overview, briefs } = data;
  const span = spanOf(data);
  const { tree, omissions } = drawTree(data);
  const lanes = lanesOf(data);
  const roles = tallied(briefs, ({ role }) => role);
  const agents = tallied(briefs, ({ claimedBy }) => claimedBy);
  const times = briefs.flatMap((brief) => workTime(brief) ?? []).sort((a, b) => a - b);
  const left = [
    ...omissions,
    ...leftOut("workstreams in the timeline", maxLanes, lanes.length),
    ...leftOut("roles", maxRoles, roles.length),
    ...leftOut("agents", maxAgents, agents.length),
    ...leftOut("reasons of failures", maxGroups, data.failureGroups.groups.length),
    ...leftOut("failed briefs (the last ones)", reportLimits.failures, overview.briefs.failed),
    ...leftOut(
      "briefs that wait for something failed (the oldest)",
      reportLimits.waitingForFailed,
      overview.backlog.waitingForFailed,
    ),
    ...leftOut("briefs with payload and result in the tree (the oldest)", reportLimits.briefsWithTexts, briefs.length),
    ...leftOut("events in the list (the newest)", reportLimits.newestEvents, sumOf(overview.events)),
    `Payloads, results and details are cut after ${count(reportLimits.characters)} characters.`,
    "A brief's duration is the time from its latest claim to its end. Briefs that ended without a claim have none.",
  ];
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${new Html(live?.policy ?? policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${overview.runId} – run-blackboard</title>
<style>${new Html(style)}</style>
</head>
<body>${live && html`<p id="live" role="status">live</p>`}<main>
${header(data, span, times, madeAt)}
<div class="grid">
<section class="card"><h2>Events over time</h2>${activityChart(data, span)}</section>
<section class="card"><h2>Progress</h2>${progressChart(data, span)}</section>
</div>
<section class="card"><h2>Timeline</h2>${timeline(lanes.slice(0, maxLanes), span)}</section>
<div class="grid">
<section class="card"><h2>Durations</h2>${durationsChart(times)}</section>
<section class="card"><h2>Slowest</h2>${slowest(briefs)}</section>
</div>
<section class="card"><h2>Roles</h2>${tallyTable("role", roles.slice(0, maxRoles))}</section>
${agents.length === 0 ? html`` : html`<section class="card"><h2>Agents</h2>${tallyTable("agent", agents.slice(0, maxAgents))}</section>`}
${stuck(data, madeAt)}
<section class="card"><h2>Failures</h2>${failures(data)}</section>
${waiting(data)}
<section class="card"><h2>Briefs</h2>${legend(["done", "failed", "active", "pending"])}${briefs.length === 0 ? html`<p class="none">No briefs yet.</p>` : tree}</section>
<section class="card"><h2>Newest events</h2>${newestEvents(data)}</section>
<footer><p>Limits of this report:</p><ul>${left.map((line) => html`<li>${line}</li>`)}</ul>
<p>Created from ${location} on ${moment(madeAt.getTime(), 0)} UTC by run-blackboard. All times are UTC.</p></footer>
</main>${live && html`<script>${new Html(live.script)}</script>`}</body>
</html>
`;
  return page.html;
}

function header(data: ReportData, span: Span, times: readonly number[], madeAt: Date): Html {
  const { runId, goal, status, briefs, events, expiredLeases, allowsClaims, estimatedEndAt } = data.overview;
  const total = totalOf(briefs);
  const finished = briefs.done + briefs.failed;
  const tiles: [string, string][] = [
    [
      total === 0 ? "–" : `${Math.floor((finished / total) * 100)} %`,
      `${count(finished)} of ${count(total)} briefs finished`,
    ],
    [count(briefs.failed), "failed"],
    [count(briefs.active), "active"],
    [count(briefs.pending), pendingOf(data)],
    [duration(span.to - span.from), "from first to last change"],
    [
      times.length === 0 ? "–" : duration(quantile(times, 0.5)),
      `median duration, from claim to end${times.length === 0 ? "" : `; 95 %: ${duration(quantile(times, 0.95))}`}`,
    ],
    [
      count(events.retried + events.escalated),
      `retries (${count(events.retried)}) and escalations (${count(events.escalated)})`,
    ],
    [count(expiredLeases), "expired claims"],
    ...(estimatedEndAt === null ? [] : [estimateTile(estimatedEndAt, madeAt)]),
  ];
  return html`<header>
<span class="badge ${status}">${status}</span> <code class="soft">${runId}</code>${allowsClaims || status === "done" ? undefined : html` <span class="soft small">no brief can be claimed while the run is ${status}</span>`}
<h1>${short(goal, 1000)}</h1>
${statusBar(briefs, "large")}
<div class="tiles">${tiles.map(([value, name]) => html`<div class="tile"><b>${value}</b><span>${name}</span></div>`)}</div>
</header>`;
}

function estimateTile(endAt: string, now: Date): [string, string] {
  const end = Date.parse(endAt);
  return [duration(end - now.getTime()), `until the estimated end, ${moment(end)} UTC, if no brief is added`];
}

/** The pending briefs by what keeps them from being claimed. */
function pendingOf({ overview: { backlog } }: ReportData): string {
  const { waiting, delayed, blocked } = backlog;
  const parts = [
    ...(waiting === 0 ? [] : [`${count(waiting)} wait for others`]),
    ...(delayed === 0 ? [] : [`${count(delayed)} wait for their time`]),
    ...(blocked === 0 ? [] : [`${count(blocked)} in a blocked workstream`]),
  ];
  return parts.length === 0 ? "pending" : `pending: ${parts.join(", ")}`;
}

interface Lane {
  name: string;
  briefs: BriefOutline[];
}

/** Returns one lane per workstream with briefs; the largest first if there are more than `maxLanes`. */
function lanesOf({ overview, briefs }: ReportData): Lane[] {
  const names = new Map(overview.byWorkstream.map(({ workstreamId, name }) => [workstreamId, name ?? workstreamId]));
  const lanes = new Map<string | null, Lane>();
  for (const brief of briefs) {
    const { workstreamId } = brief;
    const lane = lanes.get(workstreamId) ?? { name: names.get(workstreamId) ?? "no workstream", briefs: [] };
    lane.briefs.push(brief);
    lanes.set(workstreamId, lane);
  }
  const all = [...lanes.values()];
  return all.length <= maxLanes ? all : all.sort((a, b) => b.briefs.length - a.briefs.length);
}

function timeline(lanes: readonly Lane[], span: Span): Html {
  if (lanes.length === 0) return html`<p class="none">No briefs yet.</p>`;
  const rows = lanes.map(({ name, briefs }) => {
    const finished = briefs.filter(hasEnded).length;
    return html`<span title="${short(name)}">${short(name)}</span>${strip(briefs, span)}<span class="soft">${count(finished)}/${count(briefs.length)}</span>`;
  });
  return html`<p class="soft small">When the briefs of each workstream were finished: more opaque for more briefs, red on top for failed ones.</p>
<div class="lanes">${rows}${spanAxis(span)}</div>`;
}

interface Tally {
  name: string;
  counts: Record<BriefStatus, number>;
  times: number[];
  retries: number;
}

/** Groups briefs by name, the largest group first. */
function tallied(briefs: readonly BriefOutline[], nameOf: (brief: BriefOutline) => string | null): Tally[] {
  const tallies = new Map<string, Tally>();
  for (const brief of briefs) {
    const name = nameOf(brief);
    if (name === null) continue;
    const tally = tallies.get(name) ?? {
      name,
      counts: { pending: 0, active: 0, done: 0, failed: 0 },
      times: [],
      retries: 0,
    };
    if (Object.hasOwn(tally.counts, brief.status)) tally.counts[brief.status]++;
    tally.retries += numeric(brief.retryCount);
    const took = workTime(brief);
    if (took !== undefined) tally.times.push(took);
    tallies.set(name, tally);
  }
  return [...tallies.values()].sort((a, b) => totalOf(b.counts) - totalOf(a.counts));
}

const tallyColumns = [
  { name: "", kind: "wide" },
  ...["briefs", "done", "failed", "retries", "median", "95 %"].map((name) => ({ name, kind: "n" }) as const),
] as const;

function tallyTable(name: string, tallies: readonly Tally[]): Html {
  if (tallies.length === 0) return html`<p class="none">No briefs yet.</p>`;
  const rows = tallies.map(({ name: own, counts, times, retries }) => {
    const sorted = times.sort((a, b) => a - b);
    const took = (part: number) => (sorted.length === 0 ? "–" : duration(quantile(sorted, part)));
    const numbers = [totalOf(counts), counts.done, counts.failed, retries].map(count);
    return [html`<code>${short(own)}</code>`, statusBar(counts), ...numbers, took(0.5), took(0.95)];
  });
  return table([{ name }, ...tallyColumns], rows, `${name}s`);
}

function slowest(briefs: readonly BriefOutline[]): Html {
  const finished = briefs.flatMap((brief) => {
    const took = workTime(brief);
    return took === undefined ? [] : [{ brief, took }];
  });
  if (finished.length === 0) return html`<p class="none">No agent has finished a brief yet.</p>`;
  const rows = finished
    .sort((a, b) => b.took - a.took)
    .slice(0, maxSlowest)
    .map(({ brief: { briefId, role, status }, took }) => [
      html`<span class="mark ${status}">${markOf(status)}</span> <code>${short(briefId)}</code>`,
      short(role),
      duration(took),
    ]);
  return table([{ name: "" }, { name: "", kind: "soft" }, { name: "", kind: "n" }], rows, "briefs");
}

/** What waits for something failed; nothing if no brief does. */
function waiting({ overview, waiting: explained, waitingForFailed: ids }: ReportData): Html | undefined {
  const { backlog, failedBlockers } = overview;
  if (backlog.waitingForFailed === 0) return undefined;
  const are = backlog.waitingForFailed === 1 ? "brief waits" : "briefs wait";
  const held = failedBlockers.map(({ briefId, status, holds }) => [
    html`<code>${short(briefId)}</code>`,
    status === null ? "missing" : short(status),
    count(holds),
  ]);
  const rows = ids.map((id) => {
    const one = explained.get(id);
    return [html`<code>${short(id)}</code>`, one ? blockersOf(one) : "–"];
  });
  const blockers = [
    { name: "brief" },
    { name: "status", kind: "held" },
    { name: "briefs after it", kind: "n" },
  ] as const;
  return html`<section class="card"><h2>Waiting for something failed</h2>
<p class="soft small">${count(backlog.waitingForFailed)} pending ${are}, directly or through other briefs, for one that failed or is missing. They can be claimed after it is done. The first table has at most ten of these, with how many come directly after each.</p>
${table(blockers, held, "briefs")}
${table([{ name: "waiting brief" }, { name: "waits for" }], rows, "briefs")}</section>`;
}

function newestEvents({ newestEvents: events }: ReportData): Html {
  if (events.length === 0) return html`<p class="none">No events yet.</p>`;
  const rows = events.map(({ seq, kind, briefId, createdAt, detail }) => [
    String(seq),
    short(createdAt),
    kind,
    html`<code>${short(briefId ?? "–")}</code>`,
    html`<code>${detail.text === "{}" ? "" : (detail.text ?? "").slice(0, 300)}</code>`,
  ]);
  const columns = [
    { name: "seq", kind: "n" },
    { name: "time", kind: "soft" },
    { name: "kind" },
    { name: "brief" },
    { name: "detail", kind: "detail" },
  ] as const;
  return table(columns, rows, "events");
}

function leftOut(what: string, shown: number, all: number): string[] {
  return all > shown ? [`Shows ${count(shown)} of ${count(all)} ${what}.`] : [];
}

function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, n) => sum + n, 0);
}
