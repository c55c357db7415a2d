/**
 * `tree`: shows a run's briefs as a tree with the totals of each subtree.
 */
import { Command } from "commander";
import {
  type Blackboard,
  type BriefNode,
  type BriefTree,
  type Mode,
  NotFoundError,
  type OutlineNode,
  type TreeOutline,
  type WaitingBrief,
} from "../errors-and-types.ts";
import { explainWaiting, getTreeOutline, readBriefs } from "../inspect.ts";
import { hasId } from "./briefs.ts";
import { findBriefId, idsOf, type ShowId } from "./ids.ts";
import { look, type RunOptions, withRun, withWide } from "./locations.ts";
import { wholeNumber } from "./option-values.ts";
import { asJson, printAll, printable, printLine } from "./output.ts";
import {
  age,
  bar,
  cut,
  cutStart,
  fitting,
  number,
  paint,
  percent,
  plural,
  printFitting,
  styleOf,
  terminalWidth,
  widthOf,
} from "./terminal.ts";

interface TreeOptions extends RunOptions {
  brief?: string | undefined;
  depth?: number;
  failed?: boolean;
  wide?: boolean;
}

export function treeCommand(): Command {
  return withWide(withRun(new Command("tree"), "[run|file]"))
    .description("shows the briefs as a tree, with the totals of each subtree and what waits for what")
    .option("--brief <id>", "only this brief and its descendants")
    .option("--depth <levels>", "depth to print; deeper briefs are only counted", wholeNumber)
    .option("--failed", "only failed briefs and their ancestors")
    .addHelpText(
      "after",
      `
JSON: a BriefTree (getBriefTree) with the same selection.

Examples:
  run-blackboard tree abc123 --depth 2
  run-blackboard tree abc123 --failed`,
    )
    .action((given: string | undefined, options: TreeOptions) =>
      look(given, options, async ({ board }) => {
        const brief = options.brief === undefined ? undefined : await findBriefId(board, options.brief);
        const whole = await getTreeOutline(board, brief);
        const tree = { ...whole, roots: selected(whole.roots, options) };
        if (options.json) await printAll(await jsonOf(board, tree, { ...options, brief }));
        else {
          const shown = { waits: await explainNodes(board, tree.roots), showId: await idsOf(board, "brief", options) };
          await draw(tree, shown, options);
        }
      }),
    );
}

interface Node {
  children: this[];
  totals: BriefTree["totals"];
}

/** Copies the nodes down to `depth`; with `failed`, only nodes with a failed brief in their subtree. */
function selected<N extends Node>(roots: readonly N[], { depth = Number.POSITIVE_INFINITY, failed }: TreeOptions): N[] {
  const wanted = (nodes: readonly N[]) => nodes.filter(({ totals }) => !failed || totals.failed > 0);
  const copies = (depth < 1 ? [] : wanted(roots)).map((node) => ({ ...node }));
  // Level by level instead of recursive: a tree may be deeper than the call stack.
  let level = copies;
  for (let levels = 1; level.length > 0; levels++) {
    for (const node of level)
      node.children = levels < depth ? wanted(node.children).map((child) => ({ ...child })) : [];
    level = level.flatMap(({ children }) => children);
  }
  return copies;
}

/** Yields each node before its descendants, and again with `isEnd` after them. Not recursive, as above. */
function* walk<N extends Node>(roots: readonly N[]): Generator<{ node: N; isEnd: boolean; isFirst: boolean }> {
  const stack = roots.map((node, index) => ({ node, isEnd: false, isFirst: index === 0 })).reverse();
  for (let next = stack.pop(); next; next = stack.pop()) {
    yield next;
    if (next.isEnd) continue;
    const { node } = next;
    stack.push({ node, isEnd: true, isFirst: false });
    for (let index = node.children.length - 1; index >= 0; index--) {
      const child = node.children[index];
      if (child) stack.push({ node: child, isEnd: false, isFirst: index === 0 });
    }
  }
}

/** Returns the tree as pieces of JSON: it may be too deep for JSON.stringify, and its payloads too large for memory. */
async function jsonOf(board: Blackboard<Mode>, tree: TreeOutline, options: TreeOptions) {
  const outlines: OutlineNode["brief"][] = [];
  for (const { node, isEnd } of walk(tree.roots)) if (!isEnd) outlines.push(node.brief);
  if (!outlines.every(hasId)) {
    const whole = await board.getBriefTree(options.brief);
    return pieces<BriefNode>({ ...whole, roots: selected(whole.roots, options) }, async ({ brief }) => brief);
  }
  const briefs = each(
    readBriefs(
      board,
      outlines.map(({ briefId }) => briefId),
    ),
  );
  return pieces(tree, async ({ brief: outline }: OutlineNode) => {
    const { value: brief } = await briefs.next();
    if (brief?.briefId !== outline.briefId) throw new NotFoundError("brief", outline.briefId, outline.runId);
    // The outline's fields win, so that statuses match the totals even if the brief has changed since.
    return { ...brief, ...outline };
  });
}

async function* each<T>(pages: AsyncIterable<readonly T[]>): AsyncGenerator<T, undefined, void> {
  for await (const page of pages) yield* page;
  return undefined;
}

async function* pieces<N extends Node>(
  { roots, totals, cycles }: { roots: N[]; totals: Node["totals"]; cycles: string[] },
  briefOf: (node: N) => Promise<object>,
): AsyncGenerator<string, void, void> {
  yield '{"roots":[';
  for (const { node, isEnd, isFirst } of walk(roots)) {
    if (isEnd) yield `],"totals":${asJson(node.totals)}}`;
    else yield `${isFirst ? "" : ","}{"brief":${asJson(await briefOf(node))},"children":[`;
  }
  yield `],"totals":${asJson(totals)},"cycles":${asJson(cycles)}}\n`;
}

const marks = { pending: "○", active: "◐", done: "✓", failed: "✗" } as const;

type Waits = ReadonlyMap<string, WaitingBrief>;

/** What lines show besides the tree. */
interface Shown {
  waits: Waits;
  showId: ShowId;
}

/** Explains what the drawn briefs wait for. */
async function explainNodes(board: Blackboard<Mode>, roots: readonly OutlineNode[]): Promise<Waits> {
  const ids: string[] = [];
  for (const { node, isEnd } of walk([...roots]))
    if (!isEnd && isWaiting(node) && hasId(node.brief)) ids.push(node.brief.briefId);
  const waiting = ids.length === 0 ? [] : await explainWaiting(board, ids);
  return new Map(waiting.map((one) => [one.briefId, one]));
}

const isWaiting = ({ brief: { status, waitsFor } }: OutlineNode) => status === "pending" && waitsFor > 0;

async function draw({ roots, totals, cycles }: TreeOutline, shown: Shown, { failed }: TreeOptions): Promise<void> {
  await printFitting(
    `${bar(totals)}  ${percent(totals)} finished of ${plural(sum(totals), "brief")}, ${number(totals.failed)} failed`,
  );
  await printAll(drawn(roots, shown));
  if (roots.length === 0) await printLine(failed ? "No failed briefs." : "No briefs.");
  if (cycles.length > 0) {
    const names = cycles.slice(0, 10).map(shown.showId).join(", ");
    await printFitting(
      paint(
        "red",
        `${plural(cycles.length, "brief is", "briefs are")} not in the tree because their parent links form a cycle: ${names}`,
      ),
    );
  }
}

function* drawn(roots: readonly OutlineNode[], shown: Shown): Generator<string, void, void> {
  const width = terminalWidth();
  const stack = roots.toReversed().map((node) => ({ node, before: "", branch: "", below: "" }));
  for (let next = stack.pop(); next; next = stack.pop()) {
    const { node, before, branch, below } = next;
    yield `${fitting(lineOf(node, before + branch, shown, width))}\n`;
    const indent = before + below;
    for (const [index, child] of node.children.toReversed().entries()) {
      const isLast = index === 0;
      stack.push({ node: child, before: indent, branch: isLast ? "└─ " : "├─ ", below: isLast ? "   " : "│  " });
    }
  }
}

function lineOf(node: OutlineNode, indent: string, { waits, showId }: Shown, width: number | undefined): string {
  const { brief, children, totals } = node;
  const below = sum(totals) - 1;
  const rollup = below === 0 ? "" : `  ${bar(totals, 8)} ${number(totals.done + totals.failed)}/${number(below + 1)}`;
  const hidden = below > 0 && children.length === 0 ? paint("gray", "  …") : "";
  const note = totals.failed > 0 && below > 0 ? paint("red", `  ${number(totals.failed)} failed`) : "";
  // The indent, the id and the role take at most the half, so that there is room for the others.
  const half = width && Math.floor(width / 2);
  const before = cutStart(indent, half);
  const name = cutStart(showId(brief.briefId), half && Math.max(16, half - before.length));
  const role = cut(printable(brief.role), half && Math.max(12, half - before.length - name.length));
  const agent = brief.claimedBy === null ? "" : `${cut(printable(brief.claimedBy), width && 16)}, `;
  const mark = Object.hasOwn(marks, brief.status) ? marks[brief.status] : "?";
  const own = `${paint(styleOf(brief.status), mark)} ${name}  ${role}  ${paint("gray", agent + age(brief.updatedAt))}`;
  const line = `${paint("gray", before)}${own}${rollup}${note}${hidden}`;
  return line + waitingNote(node, waits.get(brief.briefId), showId, width && width - widthOf(line) - 2);
}

/** What a pending brief waits for, in at most `room` columns; "" where there is no room. */
function waitingNote(
  node: OutlineNode,
  waiting: WaitingBrief | undefined,
  showId: ShowId,
  room: number | undefined,
): string {
  const { notBefore, status, waitsFor } = node.brief;
  if (status !== "pending" || (room !== undefined && room < 12)) return "";
  if (isWaiting(node)) {
    const { blockers = [], forFailed = false } = waiting ?? {};
    const names = blockers.map(({ briefId, status: own }) => `${showId(briefId)} (${printable(own ?? "missing")})`);
    const more = waitsFor > names.length && names.length > 0 ? ", …" : "";
    const isDirect = blockers.some(({ status: own }) => own === null || own === "failed");
    const indirect = forFailed && !isDirect ? ", indirectly for something failed" : "";
    const what = names.length === 0 ? "" : `: ${names.join(", ")}${more}`;
    return paint(forFailed ? "red" : "gray", `  ${cut(`waits for ${number(waitsFor)}${what}${indirect}`, room)}`);
  }
  if (notBefore === null || !(Date.parse(notBefore) > Date.now())) return "";
  return paint("gray", `  ${cut(`not before ${printable(notBefore)}`, room)}`);
}

function sum({ pending, active, done, failed }: BriefTree["totals"]): number {
  return pending + active + done + failed;
}
