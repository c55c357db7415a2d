/**
 * The options that select briefs, and reading the briefs that they select.
 */
import { type Command, Option } from "commander";
import {
  type Blackboard,
  type BriefFilter,
  type BriefOutline,
  type BriefStatus,
  briefStatuses,
  InvalidInputError,
  type Mode,
} from "../errors-and-types.ts";
import { listBriefOutlines, summarizeRun } from "../inspect.ts";
import { type Narrowing, narrowBriefOutlines } from "../operator.ts";
import { timeOf } from "./durations.ts";
import { findBriefId, findWorkstreamId } from "./ids.ts";
import { collected, listOption, wholeNumber } from "./option-values.ts";
import { closest, didYouMean } from "./suggest.ts";

type Board = Blackboard<Mode>;

export interface FilterOptions {
  status?: BriefStatus[];
  role?: string[];
  tier?: number;
  workstream?: string;
  parent?: string;
  ready?: boolean;
  agent?: string;
  stuck?: boolean;
  waiting?: boolean;
  since?: string;
}

/** Adds every option that selects briefs. */
export function withFilters(command: Command): Command {
  return withScope(command)
    .addOption(
      listOption("--status <statuses>", "only briefs with one of these statuses, separated by commas", briefStatuses),
    )
    .option("--tier <tier>", "only briefs of this tier", wholeNumber)
    .option("--agent <agent>", "only briefs whose current or latest claim is this agent's")
    .addOption(new Option("--stuck", "only active briefs whose claim has expired").conflicts(["status", "waiting"]))
    .addOption(new Option("--waiting", "only pending briefs that wait for other briefs").conflicts(["status"]))
    .option("--ready", "only pending briefs that wait for no brief and no time")
    .option("--no-ready", "only the other pending briefs")
    .option("--since <time>", "only briefs changed in the last 30m, 12h or 2d, or since a time");
}

/** Adds the options that select briefs by what does not change. */
export function withScope(command: Command): Command {
  return command
    .option("--role <roles>", "only briefs with one of these roles, separated by commas", collected)
    .option("--workstream <id>", 'only briefs in this workstream ("" for briefs without one)')
    .option("--parent <id>", 'only direct children of this brief ("" for top-level briefs)');
}

/** Every filter of the package: one without an option doesn't compile. */
type EveryFilter = { [Name in Exclude<keyof BriefFilter, "after" | "limit">]-?: BriefFilter[Name] };

export interface Selection {
  filter: EveryFilter;
  narrowing: Narrowing;
}

/**
 * Returns what the options select.
 * @throws InvalidInputError for a role that no brief has; NotFoundError for an unknown parent or workstream.
 */
export async function selectionOf(board: Board, options: FilterOptions): Promise<Selection> {
  const { status, tier, ready, agent: agentId, stuck, waiting, since } = options;
  const filter = {
    status,
    role: options.role && (await rolesOf(board, options.role)),
    tier,
    workstreamId: await found(options.workstream, (id) => workstreamOf(board, id)),
    parentBriefId: await found(options.parent, (id) => parentOf(board, id)),
    ready,
  };
  return {
    filter,
    narrowing: { agentId, stuck, waiting, since: since === undefined ? undefined : timeOf("--since", since) },
  };
}

/** Null for "": none. */
async function found(typed: string | undefined, find: (id: string) => Promise<string>) {
  return typed === undefined ? undefined : typed === "" ? null : await find(typed);
}

/** Briefs may name a workstream or a parent that another program did not create. */
async function workstreamOf(board: Board, typed: string): Promise<string> {
  return (await hasBriefs(board, { workstreamId: typed })) ? typed : await findWorkstreamId(board, typed);
}

async function parentOf(board: Board, typed: string): Promise<string> {
  return (await hasBriefs(board, { parentBriefId: typed })) ? typed : await findBriefId(board, typed);
}

async function hasBriefs(board: Board, filter: BriefFilter): Promise<boolean> {
  return (await listBriefOutlines(board, { ...filter, limit: 1 })).items.length > 0;
}

/** A role may contain commas, so a text that is a role is not divided. */
async function rolesOf(board: Board, texts: readonly string[]): Promise<string[]> {
  const roles: string[] = [];
  for (const text of texts) {
    if (await hasBriefs(board, { role: text })) roles.push(text);
    else {
      for (const role of text.split(",").map((part) => part.trim())) {
        if (!(await hasBriefs(board, { role }))) throw await unknownRole(board, role);
        roles.push(role);
      }
    }
  }
  return roles;
}

async function unknownRole(board: Board, role: string): Promise<InvalidInputError> {
  const roles = (await summarizeRun(board)).byRole.map((one) => one.role);
  const suggestions = closest(role, roles);
  const some = roles.slice(0, 20).map((one) => JSON.stringify(one));
  const known = roles.length > some.length ? `${some.join(", ")}, …` : some.join(", ");
  const others = roles.length === 0 ? "" : ` Its roles are ${known}.`;
  const hint = suggestions.length > 0 ? didYouMean(suggestions) : others;
  return new InvalidInputError([{ path: "--role", message: `no brief has the role ${JSON.stringify(role)}.${hint}` }]);
}

const pageSize = 1000;

/** Yields pages of the selected briefs without payloads, oldest first, each with the filter that selected it. */
export async function* selectedBriefs(
  board: Board,
  { filter, narrowing }: Selection,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<{ briefs: BriefOutline[]; filter: BriefFilter }, void, void> {
  let after: string | undefined;
  for (let left = limit; left > 0; left -= pageSize) {
    const asked = { ...filter, after, limit: Math.min(left, pageSize) };
    const { items, next } = await narrowBriefOutlines(board, asked, narrowing);
    if (items.length > 0) yield { briefs: items, filter: asked };
    if (next === null) return;
    after = next;
  }
}
