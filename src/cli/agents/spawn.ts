/**
 * `spawn`: creates briefs.
 */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { NewBrief } from "../../errors-and-types.ts";
import { writeLines } from "../briefs.ts";
import type { RunOptions } from "../locations.ts";
import { wholeNumber } from "../option-values.ts";
import { printJson } from "../output.ts";
import { acting, agentCommand, detailOption, onBoard } from "./acting.ts";
import { briefsIn, defaultTier, invalid, objectOf, timeOf } from "./input.ts";

interface SpawnOptions extends RunOptions {
  role?: string;
  id?: string;
  parent?: string;
  workstream?: string;
  tier?: number;
  after?: string[];
  priority?: number;
  notBefore?: string;
  payload?: string;
  detail?: string;
  list?: string;
}

const ofOneBrief = ["role", "id", "parent", "workstream", "tier", "after", "priority", "notBefore", "payload"] as const;

export function spawnCommand(): Command {
  return agentCommand(
    "spawn",
    "creates a brief, or a list of briefs in one commit, and logs spawned",
    `A brief that exists with the same data is printed unchanged, so a call may be repeated if it has --id.

--list takes 1 to 1,000 briefs as JSON Lines, all or none are created. Each line has role and, if you like, briefId,
parentBriefId, workstreamId, tier, after, priority, notBefore and payload. A brief may name earlier ones of the list.

JSON: the briefs, one per line.

Examples:
  run-blackboard spawn abc123 --role coder --id write --payload '{"file":"a.ts"}'
  run-blackboard spawn abc123 --role reviewer --after write --payload @review.json
  generate-briefs | run-blackboard spawn abc123 --list -`,
  )
    .option("--role <role>", "the role of the agents that may claim it (required without --list)")
    .option("--id <id>", "its id (default: a new UUIDv7)")
    .option("--parent <id>", "its parent")
    .option("--workstream <id>", "its workstream")
    .option("--tier <n>", `its tier (default: ${defaultTier})`, wholeNumber)
    .option("--after <id...>", "briefs that must be done before it can be claimed")
    .option("--priority <n>", "the highest is claimed first (default: 0)", integer)
    .option("--not-before <time>", "it can't be claimed before this time, such as 2026-03-01T09:30:00Z")
    .option("--payload <json>", "JSON object for the agent: JSON, @FILE, or - for stdin")
    .option(...detailOption)
    .addOption(new Option("--list <file>", "briefs as JSON Lines; - for stdin").conflicts([...ofOneBrief]))
    .action((given: string, options: SpawnOptions) =>
      acting(async () => {
        const { list } = options;
        const detail = await objectOf("--detail", options.detail);
        if (list === undefined) {
          const brief = await briefOf(options);
          return await onBoard(given, options, async (board) => printJson(await board.spawnBrief(brief, detail)));
        }
        const briefs = await briefsIn("--list", list);
        await onBoard(given, options, async (board) => writeLines(await board.spawnBriefs(briefs, detail)));
      }),
    );
}

async function briefOf(options: SpawnOptions): Promise<NewBrief> {
  const { role, id, parent, workstream, tier = defaultTier, after, priority, notBefore } = options;
  if (role === undefined) throw invalid("--role", "required without --list");
  return {
    briefId: id,
    role,
    parentBriefId: parent,
    workstreamId: workstream,
    tier,
    after,
    priority,
    notBefore: notBefore === undefined ? undefined : timeOf("--not-before", notBefore),
    payload: await objectOf("--payload", options.payload),
  };
}

function integer(text: string): number {
  const value = Number(text);
  if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(value)) throw new InvalidArgumentError("Expected an integer.");
  return value;
}
