/**
 * `agents`: shows which agent works on what.
 */
import { Command } from "commander";
import type { BriefOutline } from "../errors-and-types.ts";
import { type Selection, selectedBriefs } from "./brief-filters.ts";
import { writeLines } from "./briefs.ts";
import { idsOf, type ShowId } from "./ids.ts";
import { look, type RunOptions, withRun, withWide } from "./locations.ts";
import { printable, printLine } from "./output.ts";
import { age, paint, plural, printFitting, remaining, tableWriter } from "./terminal.ts";

export function agentsCommand(): Command {
  return withWide(withRun(new Command("agents"), "[run|file]"))
    .description("shows which agent works on which briefs, since when, and how long its claims last")
    .addHelpText(
      "after",
      `
An agent is listed while it holds a brief. A claim whose lease has expired is lost once another agent claims the brief.

JSON: one agent per line: { agentId, briefs }, where each of the briefs is { briefId, role, workstreamId, attempt, claimedAt,
leaseExpiresAt, isExpired }. agentId is null for active briefs without a claim, as the Python module leaves them.

Examples:
  run-blackboard agents abc123
  run-blackboard agents abc123 --json | jq -r 'select(.briefs | any(.isExpired)) | .agentId'`,
    )
    .action((given: string | undefined, options: RunOptions & { wide?: boolean }) =>
      look(given, options, async ({ board }) => {
        const held: BriefOutline[] = [];
        for await (const { briefs } of selectedBriefs(board, active)) held.push(...briefs);
        const agents = grouped(held);
        if (options.json) await writeLines(agents);
        else await draw(agents, await idsOf(board, "brief", options));
      }),
    );
}

const active: Selection = {
  filter: {
    status: "active",
    role: undefined,
    tier: undefined,
    workstreamId: undefined,
    parentBriefId: undefined,
    ready: undefined,
  },
  narrowing: {},
};

interface Agent {
  agentId: string | null;
  briefs: Held[];
}

type Held = ReturnType<typeof heldOf>;

function heldOf({ briefId, role, workstreamId, attempt, claimedAt, leaseExpiresAt }: BriefOutline) {
  const isExpired = leaseExpiresAt !== null && Date.parse(leaseExpiresAt) <= Date.now();
  return { briefId, role, workstreamId, attempt, claimedAt, leaseExpiresAt, isExpired };
}

/** In order of the agents' names; briefs without an agent last. */
function grouped(briefs: readonly BriefOutline[]): Agent[] {
  const found = new Map<string | null, Held[]>();
  for (const brief of briefs) {
    const held = found.get(brief.claimedBy) ?? [];
    held.push(heldOf(brief));
    found.set(brief.claimedBy, held);
  }
  const agents = [...found].map(([agentId, own]) => ({ agentId, briefs: own }));
  const isAfter = (a: Agent, b: Agent) =>
    Number(a.agentId === null) - Number(b.agentId === null) || (String(a.agentId) < String(b.agentId) ? -1 : 1);
  return agents.sort(isAfter);
}

async function draw(agents: readonly Agent[], showId: ShowId): Promise<void> {
  if (agents.length === 0) return await printLine("No agent holds a brief.");
  const write = tableWriter([
    { name: "agent", shrinks: "end", narrowest: 16 },
    { name: "brief", shrinks: "start", narrowest: 16 },
    { name: "role", shrinks: "end", narrowest: 10 },
    { name: "claimed", align: "right" },
    { name: "lease", align: "right" },
    { name: "attempt", align: "right", drops: 0 },
  ]);
  await write(
    agents.flatMap(({ agentId, briefs }) =>
      briefs.map((held) => [
        printable(agentId ?? "-"),
        showId(held.briefId),
        printable(held.role),
        held.claimedAt === null ? "-" : `${age(held.claimedAt)} ago`,
        leaseOf(held),
        printable(held.attempt),
      ]),
    ),
  );
  const all = agents.flatMap(({ briefs }) => briefs);
  const expired = all.filter(({ isExpired }) => isExpired).length;
  const known = agents.filter(({ agentId }) => agentId !== null).length;
  const stuck = expired === 0 ? "" : paint("red", `, ${plural(expired, "claim")} expired`);
  await printFitting(`${plural(known, "agent holds", "agents hold")} ${plural(all.length, "brief")}${stuck}`);
}

function leaseOf({ leaseExpiresAt, isExpired }: Held): string {
  if (leaseExpiresAt === null) return "-";
  return isExpired ? paint("red", `expired ${age(leaseExpiresAt)} ago`) : `${remaining(leaseExpiresAt)} left`;
}
