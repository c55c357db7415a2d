/**
 * The report's tree of briefs: up to `maxNodes`, upper levels first, with the totals of each subtree.
 */
import type { BriefStatus } from "../../drizzle/vocabulary.ts";
import {
  type BriefOutline,
  type Excerpt,
  type ReportData,
  reportLimits,
  type WaitingBrief,
} from "../operations/report-data.ts";
import { statusBar, totalOf } from "./charts.ts";
import { type Html, html } from "./html.ts";
import { count, duration, numeric, short, workTime } from "./numbers.ts";

/** Larger trees make the page slow on a phone. */
const maxNodes = 1200;
/** Deeper briefs would have no room left at the right. */
const maxDepth = 24;
/** How many lines of the tree can be seen before it is opened further, and how many briefs of one level in a row. */
const maxLines = 60;
const maxInRow = 20;

interface Node {
  brief: BriefOutline;
  children: Node[];
  totals: Record<BriefStatus, number>;
  depth: number;
}

interface DrawnTree {
  tree: Html;
  /** Sentences about briefs that are not shown. */
  omissions: string[];
}

export function drawTree({ briefs, texts, waiting }: ReportData): DrawnTree {
  const { roots, nodes } = nest(briefs);
  const shown = new Set(nodes.filter(({ depth }) => depth <= maxDepth).slice(0, maxNodes));
  const omissions: string[] = [];
  if (nodes.length > shown.size) {
    omissions.push(
      `The tree shows ${count(shown.size)} of ${count(nodes.length)} briefs, upper levels first; the totals include all.`,
    );
  }
  if (briefs.length > nodes.length) {
    const lost = briefs.length - nodes.length;
    const are = lost === 1 ? "brief is" : "briefs are";
    omissions.push(`${count(lost)} ${are} not in the tree because their parent links form a cycle.`);
  }
  const drawing = { shown, open: openedOf(roots, nodes), texts, waiting };
  return { tree: html`<ul class="tree">${drawn(roots, drawing)}</ul>`, omissions };
}

/** Returns the nodes whose children are seen at first: the upper levels, and the way to failures, while there is room. */
function openedOf(roots: readonly Node[], nodes: readonly Node[]): Set<Node> {
  const opened = new Set<Node>();
  const seen = new Set(roots.slice(0, maxInRow));
  for (const node of nodes) {
    const { children, depth, totals } = node;
    if (!seen.has(node) || children.length === 0 || !(depth <= 2 || (totals.failed > 0 && depth <= 4))) continue;
    const first = children.slice(0, maxInRow);
    if (seen.size + first.length > maxLines) continue;
    opened.add(node);
    for (const child of first) seen.add(child);
  }
  return opened;
}

/** Builds the tree. `nodes` is in breadth-first order, parents before children. Not recursive: the depth is not limited. */
function nest(briefs: readonly BriefOutline[]): { roots: Node[]; nodes: Node[] } {
  const known = new Map(briefs.map((brief) => [brief.briefId, nodeOf(brief)]));
  const roots: Node[] = [];
  for (const node of known.values()) {
    const { parentBriefId } = node.brief;
    const parent = parentBriefId === null ? undefined : known.get(parentBriefId);
    (parent ? parent.children : roots).push(node);
  }
  const nodes = [...roots];
  for (const node of nodes) {
    for (const child of node.children) {
      child.depth = node.depth + 1;
      nodes.push(child);
    }
  }
  for (const { brief, children, totals } of nodes.toReversed()) {
    // Another program may have stored an unknown status.
    if (Object.hasOwn(totals, brief.status)) totals[brief.status]++;
    for (const child of children) {
      for (const status of ["pending", "active", "done", "failed"] as const) totals[status] += child.totals[status];
    }
  }
  return { roots, nodes };
}

const nodeOf = (brief: BriefOutline): Node => ({
  brief,
  children: [],
  totals: { pending: 0, active: 0, done: 0, failed: 0 },
  depth: 1,
});

const marks = { pending: "○", active: "◐", done: "✓", failed: "✗" } as const;

/** Returns the symbol of a status, `?` for an unknown one that another program stored. */
export function markOf(status: string): string {
  return Object.entries(marks).find(([name]) => name === status)?.[1] ?? "?";
}

interface Drawing extends Pick<ReportData, "texts" | "waiting"> {
  shown: ReadonlySet<Node>;
  open: ReadonlySet<Node>;
}

/** Draws nodes and their shown descendants. The recursion is at most `maxDepth` deep. */
function drawn(nodes: readonly Node[], drawing: Drawing): Html[] {
  const { shown } = drawing;
  const visible = nodes.filter((node) => shown.has(node));
  const items = visible.map((node) => drawnNode(node, drawing));
  const hidden = nodes.length - visible.length;
  const all =
    hidden === 0 ? items : [...items, html`<li class="leaf soft small">and ${count(hidden)} more, not shown</li>`];
  if (all.length <= maxInRow + 1) return all;
  const more = html`<li><details><summary class="soft small">${count(nodes.length - maxInRow)} more</summary><ul class="more">${all.slice(maxInRow)}</ul></details></li>`;
  return [...all.slice(0, maxInRow), more];
}

function drawnNode(node: Node, drawing: Drawing): Html {
  const { texts, waiting } = drawing;
  const { brief, children, totals } = node;
  const { briefId, role, status, retryCount } = brief;
  const took = workTime(brief);
  const facts = [
    short(role),
    ...(took === undefined ? [] : [duration(took)]),
    ...(retryCount === 0 ? [] : [`${short(retryCount)} retries`]),
  ];
  const head = html`<span class="mark ${status}">${markOf(status)}</span><code>${short(briefId)}</code><span class="soft small">${facts.join(" · ")}</span>${waitingNote(brief, waiting.get(briefId))}`;
  const data = dataOf(texts.get(briefId));
  const row = html`<span class="row">${head}</span>`;
  if (children.length === 0) {
    return data
      ? html`<li><details><summary>${row}</summary><div class="data">${data}</div></details></li>`
      : html`<li><div class="leaf">${row}</div></li>`;
  }
  const below = totalOf(totals) - 1;
  const rollup = html`${statusBar(totals)}<span class="small soft">${count(totals.done + totals.failed)}/${count(below + 1)}</span>`;
  const isOpen = drawing.open.has(node);
  const own = data ? html`<details class="data"><summary>payload and result</summary>${data}</details>` : undefined;
  return html`<li><details${isOpen ? html` open` : undefined}><summary><span class="row">${head}${rollup}</span></summary>${own}<ul>${drawn(children, drawing)}</ul></details></li>`;
}

/** What a pending brief waits for; `undefined` if it doesn't wait. */
function waitingNote({ status, waitsFor }: BriefOutline, waiting: WaitingBrief | undefined): Html | undefined {
  if (status !== "pending" || !(numeric(waitsFor) > 0)) return undefined;
  const what = waiting ? html`: ${blockersOf(waiting)}` : undefined;
  return html`<span class="small ${waiting?.forFailed ? "held" : "soft"}">waits for ${count(waitsFor)}${what}</span>`;
}

/** Ids are cut, since three of them in each line of the tree would make up most of the page. */
const idCharacters = 40;

/** The first briefs that a brief waits for, with their statuses. */
export function blockersOf({ blockers, forFailed, waitsFor }: WaitingBrief): Html {
  const names = blockers.map(
    ({ briefId, status }, index) =>
      html`${index === 0 ? "" : ", "}<code>${short(briefId, idCharacters)}</code> (${status === null ? "missing" : short(status)})`,
  );
  const isDirect = blockers.some(({ status }) => status === null || status === "failed");
  const more = waitsFor > blockers.length ? ", …" : "";
  return html`${names}${more}${forFailed && !isDirect ? ", indirectly for something failed" : ""}`;
}

/** Returns a brief's payload and result; `undefined` if it has neither. */
function dataOf(texts: { payload: Excerpt; result: Excerpt } | undefined): Html | undefined {
  if (!texts) return undefined;
  const { payload, result } = texts;
  const given = payload.text === null || payload.text === "{}" ? undefined : html`payload${pretty(payload)}`;
  const gained = result.text === null ? undefined : html`result${pretty(result)}`;
  return given || gained ? html`${given}${gained}` : undefined;
}

/** Shows JSON text, indented if it is complete and valid. */
export function pretty({ text, length }: Excerpt): Html {
  if (text === null) return html`<p class="none">none</p>`;
  const rest = length - text.length;
  if (rest > 0) return html`<pre>${text}… and ${count(rest)} more characters</pre>`;
  return html`<pre>${laidOut(text)}</pre>`;
}

function laidOut(text: string): string {
  try {
    const lines = JSON.stringify(JSON.parse(text), null, 2);
    // Indenting deeply nested JSON would add mostly white space.
    return lines.length <= 2 * reportLimits.characters ? lines : text;
  } catch {
    // Not JSON: another program wrote it.
    return text;
  }
}
