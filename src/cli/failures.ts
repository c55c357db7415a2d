/**
 * `failures`: the failed briefs of a run, grouped by reason.
 */
import { Command } from "commander";
import { type Failure, type FailureGroup, NotFoundError } from "../errors-and-types.ts";
import { groupFailures } from "../inspect.ts";
import { idsOf, type ShowId } from "./ids.ts";
import { look, type RunOptions, withRun, withWide } from "./locations.ts";
import { printable, printJson, printLine } from "./output.ts";
import { age, number, paint, plural, tableWriter } from "./terminal.ts";

export function failuresCommand(): Command {
  return withWide(withRun(new Command("failures"), "[run|file]"))
    .description("groups the failed briefs of a run by reason, the most frequent first")
    .addHelpText(
      "after",
      `
The reason is the error, reason or message in the detail of the event with which the brief failed last; otherwise the whole detail.

JSON: { groups, others }; each group is { reason, briefs, roles, newestAt, newest }. Others counts the briefs whose reasons are not
listed, since there are more than 1,000 different ones. A null reason means that no event says why.

Examples:
  run-blackboard failures abc123
  run-blackboard failures abc123 --json | jq -r '.groups[0].newest[]'`,
    )
    .action((given: string | undefined, options: RunOptions & { wide?: boolean }) =>
      look(given, options, async ({ board }) => {
        if (!(await board.getRun())) throw new NotFoundError("run", board.runId, board.runId);
        const { groups, others } = await groupFailures(board);
        if (options.json) return await printJson({ groups, others });
        if (groups.length === 0) return await printLine("No failed briefs.");
        await draw(groups, await idsOf(board, "brief", options));
        if (others > 0) await printLine(paint("gray", `and ${plural(others, "brief")} with other reasons`));
      }),
    );
}

async function draw(groups: readonly FailureGroup[], showId: ShowId): Promise<void> {
  const write = tableWriter([
    { name: "briefs", align: "right" },
    { name: "reason", shrinks: "end" },
    { name: "roles", shrinks: "end", drops: 1 },
    { name: "newest", shrinks: "start", narrowest: 16 },
    { name: "failed", align: "right" },
  ]);
  await write(
    groups.map(({ reason, briefs, roles, newestAt, newest }) => [
      number(briefs),
      reasonText(reason),
      rolesText(roles),
      newest[0] === undefined ? "-" : showId(newest[0]),
      age(newestAt),
    ]),
  );
}

const maxRoles = 3;

function rolesText(roles: FailureGroup["roles"]): string {
  const all = Object.entries(roles).sort(([, a], [, b]) => b - a);
  const names = all.slice(0, maxRoles).map(([role, n]) => `${printable(role)} ${number(n)}`);
  return names.join(", ") + (all.length > maxRoles ? ", …" : "");
}

/** Returns a reason as text that is safe to print; "-" if there is none. */
export function reasonText(reason: Failure["reason"] | null | undefined): string {
  return reason == null || reason === "" ? "-" : printable(reason);
}
