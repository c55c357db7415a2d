/**
 * `cancel`: fails a brief and everything below it that is not finished.
 */
import { Command } from "commander";
import type { Blackboard, BriefOutline, Mode, OutlineNode } from "../errors-and-types.ts";
import { getTreeOutline } from "../inspect.ts";
import { findBriefId, idsOf } from "./ids.ts";
import { look, type RunOptions, withRun, withWide } from "./locations.ts";
import { type Mover, moveEach, openToWrite } from "./moves.ts";
import { exitCodes } from "./output.ts";

interface CancelOptions extends RunOptions {
  dryRun?: boolean;
  reason?: string;
  wide?: boolean;
}

export function cancelCommand(): Command {
  return withWide(withRun(new Command("cancel"), "<run|file>"))
    .argument("<id>", "brief id, or its end or beginning")
    .description("sets a brief and all pending and active briefs below it to failed")
    .option("--reason <text>", "reason to store in the events' details")
    .option("--dry-run", "print which briefs would be changed, without changing them")
    .addHelpText(
      "after",
      `
Parents are changed before their children, each brief in its own commit with a failed event whose detail is { "by": "operator",
"canceled": the id of the brief at the top, "reason": … }. Agents that hold one of them lose their claims. Briefs that are
created below it meanwhile are canceled too. Finished briefs are left as they are. If a brief cannot be changed, the others are;
the exit code is then ${exitCodes.error}.

JSON: the changed briefs, one per line; with --dry-run, those that would be changed, without their payloads.

Examples:
  run-blackboard cancel abc123 storage --dry-run
  run-blackboard cancel abc123 storage --reason "out of scope"`,
    )
    .action(async (given: string, typed: string, options: CancelOptions) => {
      const { json = false, reason, dryRun = false } = options;
      const work = async (board: Blackboard<Mode>) => {
        const id = await findBriefId(board, typed);
        const detail = { by: "operator", canceled: id, ...(reason !== undefined && { reason }) };
        const showId = await idsOf(board, "brief", options);
        await cancel({ board, name: "fail", detail, delayed: {}, json, dryRun, showId }, id);
      };
      if (dryRun) return await look(given, options, ({ board }) => work(board));
      const board = await openToWrite(given, options);
      try {
        await work(board);
      } finally {
        await board.close();
      }
    });
}

/** Agents may create briefs until their claims end, so the tree is read again until nothing new is in it. */
async function cancel(mover: Mover, id: string): Promise<void> {
  const tried = new Set<string>();
  for (;;) {
    const unfinished = briefsOf((await getTreeOutline(mover.board, id)).roots).filter(
      ({ briefId, status }) => (status === "pending" || status === "active") && !tried.has(briefId),
    );
    if (unfinished.length === 0 && tried.size > 0) return;
    for (const { briefId } of unfinished) tried.add(briefId);
    await moveEach(mover, unfinished, { statuses: ["pending", "active"], agentId: undefined, stuck: false });
    if (unfinished.length === 0) return;
  }
}

/** Parents before their children. Not recursive: a tree may be deeper than the call stack. */
function briefsOf(roots: readonly OutlineNode[]): BriefOutline[] {
  const nodes = [...roots];
  for (const { children } of nodes) for (const child of children) nodes.push(child);
  return nodes.map(({ brief }) => brief);
}
