/**
 * `tree`: the briefs below each other, each with what is below it counted.
 */
import { Command } from "commander";
import type { BriefNode, BriefTree } from "../index.ts";
import { wholeNumber } from "./briefs.ts";
import { look, type RunOptions, withRun } from "./locations.ts";
import { print, printable, printJson, printLine } from "./output.ts";
import { bar, cut, number, paint, percent, status, terminalWidth } from "./terminal.ts";

interface TreeOptions extends RunOptions {
  brief?: string;
  depth?: number;
  failed?: boolean;
}

export function treeCommand(): Command {
  return withRun(new Command("tree"), "[run|file]")
    .description("shows the briefs as a tree, each with what is below it counted")
    .option("--brief <id>", "only this one and what is below it")
    .option("--depth <levels>", "so many levels; what is deeper is only counted", wholeNumber)
    .option("--failed", "only what failed, and the way there")
    .addHelpText(
      "after",
      `
JSON: a BriefTree (getBriefTree), of the same selection.

Examples:
  run-blackboard tree abc123 --depth 2
  run-blackboard tree abc123 --failed`,
    )
    .action((given: string | undefined, options: TreeOptions) =>
      look(given, options, async ({ board }) => {
        const whole = await board.getBriefTree(options.brief);
        const tree = { ...whole, roots: selected(whole.roots, options) };
        if (options.json) await printJson(tree);
        else await draw(tree, options);
      }),
    );
}

/** Copies of the nodes down to a depth, and of those only the ones with a failed brief in or below them. */
function selected(roots: readonly BriefNode[], { depth = Number.POSITIVE_INFINITY, failed }: TreeOptions): BriefNode[] {
  const wanted = (nodes: readonly BriefNode[]) => nodes.filter(({ totals }) => !failed || totals.failed > 0);
  const copies = (depth < 1 ? [] : wanted(roots)).map((node) => ({ ...node }));
  // A tree may be deeper than the stack: levels instead of recursion.
  let level = copies;
  for (let levels = 1; level.length > 0; levels++) {
    for (const node of level)
      node.children = levels < depth ? wanted(node.children).map((child) => ({ ...child })) : [];
    level = level.flatMap(({ children }) => children);
  }
  return copies;
}

const marks = { pending: "○", active: "◐", done: "✓", failed: "✗" } as const;

async function draw({ roots, totals, cycles }: BriefTree, { failed }: TreeOptions): Promise<void> {
  const width = terminalWidth();
  await printLine(
    `${bar(totals)}  ${percent(totals)} finished of ${number(sum(totals))} briefs, ${number(totals.failed)} failed`,
  );
  const stack = roots.toReversed().map((node) => ({ node, before: "", branch: "", below: "" }));
  let lines: string[] = [];
  for (let next = stack.pop(); next; next = stack.pop()) {
    const { node, before, branch, below } = next;
    lines.push(lineOf(node, before + branch, width));
    const indent = before + below;
    for (const [index, child] of node.children.toReversed().entries()) {
      const isLast = index === 0;
      stack.push({ node: child, before: indent, branch: isLast ? "└─ " : "├─ ", below: isLast ? "   " : "│  " });
    }
    if (lines.length === 1000 || stack.length === 0) {
      await print(`${lines.join("\n")}\n`);
      lines = [];
    }
  }
  if (roots.length === 0) await printLine(failed ? "Nothing failed." : "No briefs.");
  if (cycles.length > 0) {
    const names = cycles.slice(0, 10).map(printable).join(", ");
    await printLine(
      paint(
        "red",
        `${number(cycles.length)} briefs stand under no root, since their parents lead in a circle: ${names}`,
      ),
    );
  }
}

function lineOf({ brief, children, totals }: BriefNode, indent: string, width: number | undefined): string {
  const below = sum(totals) - 1;
  const rollup = below === 0 ? "" : `  ${bar(totals, 8)} ${number(totals.done + totals.failed)}/${number(below + 1)}`;
  const hidden = below > 0 && children.length === 0 ? paint("gray", "  …") : "";
  const note = totals.failed > 0 && below > 0 ? paint("red", `  ${number(totals.failed)} failed`) : "";
  // What follows the name takes at most so much.
  const room = width && Math.max(12, width - indent.length - 2 - (below === 0 ? 0 : 36));
  const name = cut(`${printable(brief.briefId)}  ${printable(brief.role)}`, room);
  return `${paint("gray", indent)}${status(brief.status, marks[brief.status])} ${name}${rollup}${note}${hidden}`;
}

function sum({ pending, active, done, failed }: BriefTree["totals"]): number {
  return pending + active + done + failed;
}
