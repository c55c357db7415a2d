/**
 * The report's charts, as SVG that stretches to the available width. Text is in HTML outside the SVG, so that its size does
 * not depend on the width.
 */
import { type BriefStatus, type EventKind, eventKinds, type Timestamp } from "../../drizzle/vocabulary.ts";
import { type BriefOutline, quantile, type ReportData } from "../operations/report-data.ts";
import { type Html, html } from "./html.ts";
import { count, duration, hasEnded, moment } from "./numbers.ts";

/** In drawing order. */
const drawnStatuses = ["done", "failed", "active", "pending"] as const satisfies readonly BriefStatus[];

type Counts = Readonly<Record<BriefStatus, number>>;

export const totalOf = ({ pending, active, done, failed }: Counts): number => pending + active + done + failed;

/** Draws counts by status as a stacked bar. */
export function statusBar(counts: Counts, size: "large" | "" = ""): Html {
  const total = totalOf(counts);
  let before = 0;
  const parts = drawnStatuses.map((status) => {
    const width = total === 0 ? 0 : (counts[status] / total) * 100;
    const x = before;
    before += width;
    return width === 0 ? html`` : html`<rect class="${status}" x="${fixed(x)}" width="${fixed(width)}" height="1"/>`;
  });
  const words = drawnStatuses.map((status) => `${count(counts[status])} ${status}`).join(", ");
  return html`<svg class="bar ${size}" viewBox="0 0 100 1" preserveAspectRatio="none" role="img" aria-label="${words}">${parts}</svg>`;
}

export function legend(names: readonly string[]): Html {
  const entries = names.map(
    (name) => html`<span><svg viewBox="0 0 1 1"><rect class="${name}" width="1" height="1"/></svg>${name}</span>`,
  );
  return html`<div class="legend">${entries}</div>`;
}

/** The time range of a chart, in milliseconds since 1970. */
export interface Span {
  from: number;
  to: number;
}

/** Returns the range from the run's earliest to its latest timestamp; at least one second, so that a chart can be drawn. */
export function spanOf(data: ReportData): Span {
  const { overview, briefs, activity } = data;
  // Imported briefs and events may be older than the run's row.
  const first = [overview.createdAt, briefs[0]?.createdAt, activity[0]?.time].map(readTime);
  const from = Math.min(...first.filter(Number.isFinite));
  const to = readTime(overview.lastChangeAt);
  return { from, to: Math.max(from + 1000, Number.isFinite(to) ? to : from) };
}

/** Parses a timestamp, or a prefix of one such as an hour or a minute, as UTC. */
function readTime(time: Timestamp | undefined): number {
  if (typeof time !== "string") return Number.NaN;
  const whole = time.length === 13 ? `${time}:00` : time;
  return Date.parse(/Z$|[+-]\d\d:\d\d$|^.{10}$/.test(whole) ? whole : `${whole}Z`);
}

const bins = 60;

function binOf(ms: number, { from, to }: Span, count = bins): number {
  return Math.max(0, Math.min(count - 1, Math.floor(((ms - from) / (to - from)) * count)));
}

/** Draws events over time, stacked by kind. */
export function activityChart({ activity }: ReportData, span: Span): Html {
  const counts = Array.from({ length: bins }, () => new Map<EventKind, number>());
  for (const { time, kind, n } of activity) {
    const bin = counts[binOf(readTime(time), span)];
    bin?.set(kind, (bin.get(kind) ?? 0) + n);
  }
  const totals = counts.map((bin) => [...bin.values()].reduce((sum, n) => sum + n, 0));
  const most = Math.max(1, ...totals);
  const limit = Math.min(most, cutFor(totals));
  const bars = counts.map((bin, index) => {
    let top = 100;
    const total = totals[index] ?? 0;
    // A bar that is cut keeps its proportions; a gap near its top shows that it is.
    const full = Math.max(total, limit);
    const gap = total > limit ? html`<rect class="gap" x="${index}" y="10" width="1" height="3"/>` : html``;
    const parts = eventKinds.map((kind) => {
      const height = ((bin.get(kind) ?? 0) / full) * 98;
      top -= height;
      return height === 0
        ? html``
        : html`<rect class="${kind}" x="${fixed(index + 0.08)}" y="${fixed(top)}" width="0.84" height="${fixed(height)}"/>`;
    });
    return html`${parts}${gap}`;
  });
  const cutAt = limit < most ? `; bars are cut at ${count(Math.floor(limit))}` : "";
  return html`${legend(eventKinds)}
<svg class="chart" viewBox="0 0 ${bins} 100" preserveAspectRatio="none" role="img" aria-label="Events over time">
<line class="base" x1="0" x2="${bins}" y1="100" y2="100"/>${bars}</svg>
${axis(span, `most: ${count(most)} in ${duration((span.to - span.from) / bins)}${cutAt}`)}`;
}

/** Returns how high a bar may be, so that a few spikes don't flatten the others: four times as high as most of those there are. */
function cutFor(totals: readonly number[]): number {
  const some = totals.filter((total) => total > 0).sort((a, b) => a - b);
  const usual = 4 * quantile(some, 0.8);
  return usual > 0 && usual < 0.5 * (some.at(-1) ?? 0) ? usual : Number.POSITIVE_INFINITY;
}

/** Draws the numbers of created and of finished briefs over time. */
export function progressChart({ briefs }: ReportData, span: Span): Html {
  const created = cumulative(briefs, span, ({ createdAt }) => createdAt);
  const finished = cumulative(briefs, span, (brief) => (hasEnded(brief) ? brief.updatedAt : undefined));
  const most = Math.max(1, created.at(-1) ?? 1);
  const points = (counts: readonly number[]) =>
    counts.map((n, index) => `${fixed((index / bins) * 100)},${fixed(100 - (n / most) * 98)}`).join(" ");
  return html`<div class="legend"><span><svg viewBox="0 0 1 1"><rect class="spawned" width="1" height="1"/></svg>briefs</span>
<span><svg viewBox="0 0 1 1"><rect class="done" width="1" height="1"/></svg>finished</span></div>
<svg class="chart" viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label="Progress over time">
<line class="base" x1="0" x2="100" y1="100" y2="100"/>
<polygon class="area" points="0,100 ${points(finished)} 100,100"/>
<polyline class="line" points="${points(created)}"/><polyline class="line finished" points="${points(finished)}"/></svg>
${axis(span, `${count(finished.at(-1) ?? 0)} of ${count(created.at(-1) ?? 0)}`)}`;
}

/** Returns cumulative counts at the end of each bin; the first entry is 0. */
function cumulative(
  briefs: readonly BriefOutline[],
  span: Span,
  timeOf: (brief: BriefOutline) => Timestamp | undefined,
): number[] {
  const counts = new Array<number>(bins + 1).fill(0);
  for (const brief of briefs) {
    const time = timeOf(brief);
    if (time === undefined) continue;
    const bin = binOf(readTime(time), span) + 1;
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  let sum = 0;
  return counts.map((n) => {
    sum += n;
    return sum;
  });
}

function axis({ from, to }: Span, middle: string): Html {
  const spanMs = to - from;
  return html`<div class="axis"><span>${moment(from, spanMs)}</span><span>${middle}</span><span>${moment(to, spanMs)}</span></div>`;
}

const stripBins = 80;

/** Draws when briefs of a lane were finished: more opaque for more briefs, red on top for failed ones. */
export function strip(briefs: readonly BriefOutline[], span: Span): Html {
  let first = span.to;
  for (const { createdAt } of briefs) {
    const time = readTime(createdAt);
    if (time < first) first = time;
  }
  const start = (binOf(first, span, stripBins) / stripBins) * 100;
  const done = new Array<number>(stripBins).fill(0);
  const failed = new Array<number>(stripBins).fill(0);
  for (const brief of briefs) {
    if (brief.status !== "done" && brief.status !== "failed") continue;
    const counts = brief.status === "done" ? done : failed;
    const bin = binOf(readTime(brief.updatedAt), span, stripBins);
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  const most = Math.max(1, ...done);
  const width = 100 / stripBins;
  const marks = done.map((n, index) => {
    const x = fixed(index * width);
    const bar =
      n === 0
        ? html``
        : html`<rect class="done" x="${x}" width="${fixed(width)}" height="1" opacity="${fixed(0.3 + (0.7 * n) / most)}"/>`;
    const mark = failed[index] ? html`<rect class="failed" x="${x}" width="${fixed(width)}" height="0.4"/>` : html``;
    return html`${bar}${mark}`;
  });
  return html`<svg class="strip" viewBox="0 0 100 1" preserveAspectRatio="none"><rect class="pending" opacity="0.35" x="${fixed(start)}" y="0.42" width="${fixed(100 - start)}" height="0.16"/>${marks}</svg>`;
}

export function spanAxis({ from, to }: Span): Html {
  return html`<div class="axis"><span>${moment(from, to - from)}</span><span>${moment(to, to - from)}</span></div>`;
}

const steps: readonly { below: number; name: string }[] = [
  { below: 1000, name: "< 1 s" },
  { below: 10_000, name: "1–10 s" },
  { below: 60_000, name: "10–60 s" },
  { below: 600_000, name: "1–10 min" },
  { below: 3_600_000, name: "10–60 min" },
  { below: 21_600_000, name: "1–6 h" },
  { below: 86_400_000, name: "6–24 h" },
  { below: Number.POSITIVE_INFINITY, name: "> 1 d" },
];

/** Draws a histogram of the times from claim to end. */
export function durationsChart(times: readonly number[]): Html {
  const counts = steps.map(() => 0);
  for (const ms of times) {
    const step = steps.findIndex(({ below }) => ms < below);
    counts[step] = (counts[step] ?? 0) + 1;
  }
  const most = Math.max(1, ...counts);
  const rows = steps.map(({ name }, index) => {
    const n = counts[index] ?? 0;
    const bar = html`<svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none"><rect class="completed" width="${n === 0 ? 0 : fixed(Math.max(1, (n / most) * 100))}" height="1"/></svg>`;
    return html`<span class="soft">${name}</span>${bar}<span>${count(n)}</span>`;
  });
  return html`<div class="bars">${rows}</div>`;
}

function fixed(value: number): string {
  return String(Math.round(value * 100) / 100);
}
