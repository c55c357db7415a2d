/**
 * Ids as people type and see them. A long one is shown as `…` and its end: the last eight characters, or as many more as no other
 * id of the run ends with. Each command accepts that, with or without `…`, as well as the beginning of an id.
 */
import { type Blackboard, InvalidInputError, type Mode, NotFoundError } from "../errors-and-types.ts";
import { longestWhole, maxCandidates, readIds, shortestEnd } from "../operator.ts";
import { printable } from "./output.ts";
import { closest, didYouMean } from "./suggest.ts";

type Board = Blackboard<Mode>;
type Named = Parameters<typeof readIds>[1];

/** Fewer characters are not searched for. */
const fewest = 4;

/** Formats an id, or `-` for none, as printable text. */
export type ShowId = (id: unknown) => string;

/** Returns how ids of the run's briefs or workstreams are shown: short, or with `wide` whole. */
export async function idsOf(board: Board, named: Named, { wide }: { wide?: boolean }): Promise<ShowId> {
  const whole: ShowId = (id) => printable(id ?? "-");
  if (wide) return whole;
  const sharing = await readIds(board, named).sharingEnds();
  if (sharing === undefined) return whole;
  const ends = uniqueEnds(sharing);
  return (id) => {
    if (typeof id !== "string" || id.length <= longestWhole) return whole(id);
    const end = ends.get(id) ?? lastOf(id);
    return end.length < id.length ? `…${printable(end)}` : whole(id);
  };
}

/** The end that a long id is usually shown by; a short one is its own. */
export function endOf(id: string): string {
  return id.length > longestWhole ? lastOf(id) : id;
}

/** The last eight characters, of which some may be two units long. */
function lastOf(id: string): string {
  return [...id.slice(-2 * shortestEnd)].slice(-shortestEnd).join("");
}

/** The shortest end of each of these ids that none of the others ends with. */
function uniqueEnds(ids: readonly string[]): Map<string, string> {
  // Sorted by their ends, ids with the longest common end are neighbours.
  const sorted = ids.map((id) => ({ id, reversed: [...id].reverse() })).sort((a, b) => compare(a.reversed, b.reversed));
  const common = sorted.map(({ reversed }, index) => commonLength(reversed, sorted[index + 1]?.reversed ?? []));
  return new Map(
    sorted.map(({ id, reversed }, index) => {
      const length = Math.max(shortestEnd, (common[index - 1] ?? 0) + 1, (common[index] ?? 0) + 1);
      return [id, reversed.slice(0, length).reverse().join("")];
    }),
  );
}

function compare(a: readonly string[], b: readonly string[]): number {
  const length = commonLength(a, b);
  return (a[length] ?? "") < (b[length] ?? "") ? -1 : 1;
}

function commonLength(a: readonly string[], b: readonly string[]): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}

/**
 * Returns the id of the brief that was typed: its id, its end or its beginning.
 * @throws InvalidInputError if it may be several; NotFoundError, with what may have been meant.
 */
export async function findBriefId(board: Board, typed: string): Promise<string> {
  if (isUsable(typed) && (await board.getBrief(typed))) return typed;
  return await findId(board, "brief", typed);
}

/** The same for a workstream. */
export async function findWorkstreamId(board: Board, typed: string): Promise<string> {
  if (isUsable(typed) && (await board.getWorkstream(typed))) return typed;
  return await findId(board, "workstream", typed);
}

/** Like `findBriefId`, also for a brief that only events name, since another program deleted it. */
export async function findEventsBrief(board: Board, typed: string): Promise<string> {
  if (isUsable(typed) && (await board.listEvents({ briefId: typed, limit: 1 })).items.length > 0) return typed;
  return await findBriefId(board, typed);
}

/** Whether the package accepts the text as an id; other programs may store others. */
function isUsable(typed: string): boolean {
  return typed.length > 0 && typed.length <= 256 && !typed.includes("\0") && typed.isWellFormed();
}

async function findId(board: Board, named: Named, typed: string): Promise<string> {
  const ids = readIds(board, named);
  const isEnd = /^(?:…|\.\.\.)/.test(typed);
  const isBeginning = /(?:…|\.\.\.)$/.test(typed);
  const text = typed.replace(/^(?:…|\.\.\.)|(?:…|\.\.\.)$/g, "");
  const where = { beginning: !isEnd || isBeginning, ending: !isBeginning || isEnd };
  if (text === "")
    throw new InvalidInputError([{ path: named, message: "must be an id, its beginning or its end, got nothing" }]);
  const found = [...text].length < fewest || text.includes("\0") ? [] : await ids.like(text, where);
  const [first, second] = found;
  if (first !== undefined && second === undefined) return first;
  if (first !== undefined) throw ambiguous(named, typed, found);
  const suggestions = closest(typed, await ids.comparable(typed));
  const error = new NotFoundError(named, typed, board.runId);
  error.message = `Run ${JSON.stringify(board.runId)} has no ${named} ${JSON.stringify(typed)}.${didYouMean(suggestions)}`;
  throw error;
}

function ambiguous(named: Named, typed: string, found: readonly string[]): InvalidInputError {
  const more = found.length === maxCandidates ? ", and more" : "";
  const names = found.slice(0, maxCandidates - 1).map((id) => JSON.stringify(id));
  const message = `${JSON.stringify(typed)} may be any of these ${named}s: ${names.join(", ")}${more}`;
  return new InvalidInputError([{ path: named, message }]);
}
