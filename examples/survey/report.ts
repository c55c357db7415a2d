/** The survey's output: progress, and a report at the end. */
import { isAbsolute, relative } from "node:path";
import Table from "cli-table3";
import { createLogUpdate } from "log-update";
import type { Board } from "./board.ts";
import { wholeId } from "./roles.ts";

export interface Progress {
  planned(briefs: number): void;
  worked(counts: { finished: number; briefs: number; handedOn: number }): void;
  /** Prints a line that is not overwritten. */
  say(line: string): void;
}

/** Shows progress: one updated line on a terminal, otherwise a line per thousand briefs. */
export function openProgress(stream: NodeJS.WritableStream & { isTTY?: boolean; columns?: number }): Progress {
  // The cursor is not hidden: the library's handler for that would exit on Ctrl-C before the survey has cleaned up.
  const live = stream.isTTY && stream.columns ? createLogUpdate(stream, { showCursor: true }) : undefined;
  let thousands = 0;

  function show(count: number, line: string): void {
    if (live) live(line);
    else if (Math.floor(count / 1000) > thousands) stream.write(`${line}\n`);
    thousands = Math.floor(count / 1000);
  }
  return {
    planned(briefs) {
      show(briefs, `Planning: ${number(briefs)} briefs`);
    },
    worked({ finished, briefs, handedOn }) {
      const after = handedOn > 0 ? `, ${number(handedOn)} handed on` : "";
      show(finished, `Surveying: ${number(finished)} of ${number(briefs)} briefs${after}`);
    },
    say(line) {
      live?.clear();
      stream.write(`${line}\n`);
    },
  };
}

const failuresShown = 10;

export async function report(board: Board): Promise<string> {
  const summary = await board.getRunSummary();
  return [
    "",
    `Run ${summary.runId} is ${summary.status}: ${printable(summary.goal)}`,
    `  briefs       ${counts(summary.briefs)}`,
    `  workstreams  ${counts(summary.workstreams)}`,
    `  events       ${counts(summary.events)}`,
    // Only expired claims of dead workers are retried in a survey.
    `  handed on    ${number(summary.events.retried)}`,
    ...(await failures(board, summary.briefs.failed)),
    "",
    await languages(board),
    "",
    isAbsolute(board.location) ? relative("", board.location) : board.location,
  ].join("\n");
}

/** Lists the first failures, with the reasons from their events. */
async function failures(board: Board, total: number): Promise<string[]> {
  const { items } = await board.listEvents({ kinds: ["failed"], limit: failuresShown });
  if (items.length === 0) return [];
  const lines: string[] = [];
  for (const { briefId, detail } of items) {
    const brief = briefId === null ? undefined : await board.getBrief(briefId);
    lines.push(`  ${printable(brief?.payload.path ?? "")}: ${printable(String(detail.reason))}`);
  }
  const rest = total - items.length;
  return ["", "Not measured:", ...lines, ...(rest > 0 ? [`  and ${number(rest)} more`] : [])];
}

async function languages(board: Board): Promise<string> {
  const table = new Table({
    head: ["Language", "Files", "Lines", "Bytes"],
    colAligns: ["left", "right", "right", "right"],
    style: { head: [], border: [], compact: true },
  });
  const whole = await board.getBrief(wholeId);
  if (whole?.role !== "survey" || !whole.result) return "No result.";
  const rows = Object.entries(whole.result.languages).sort(
    ([, one], [, other]) => other.lines - one.lines || other.bytes - one.bytes,
  );
  for (const [language, { files, lines, bytes }] of [...rows, ["all", whole.result] as const]) {
    table.push([language, number(files), number(lines), number(bytes)]);
  }
  return table.toString();
}

/** Formats counts as `3 done, 1 failed`, without zeros. */
function counts(of: Record<string, number>): string {
  const words = Object.entries(of).filter(([, count]) => count > 0);
  return words.map(([word, count]) => `${number(count)} ${word}`).join(", ") || "none";
}

function number(value: number): string {
  return value.toLocaleString("en");
}

/** Escapes characters in a name that would move the cursor, clear the screen or change the direction of text. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}
