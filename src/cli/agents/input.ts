/**
 * What agents pass as JSON: in an option, in a file or on stdin. All of it is read before a blackboard is opened, since closing a
 * file that SQLite has open, which a path may name by mistake, would drop the locks of this process.
 */
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { type BriefRef, InvalidInputError, type NewBrief, type PlainObject } from "../../errors-and-types.ts";
import { messageOf } from "../output.ts";

/** The variable in which `work` passes the claim to its program. */
export const claimVariable = "RUN_BLACKBOARD_CLAIM";

export type ClaimRef = Exclude<BriefRef, string>;

let stdinIsRead = false;

async function readStdin(option: string): Promise<string> {
  if (stdinIsRead) throw invalid(option, "stdin can be read for one option only");
  stdinIsRead = true;
  return await text(process.stdin);
}

function readFile(option: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw invalid(option, `cannot be read: ${messageOf(cause)}`);
  }
}

/** Returns the JSON object of an option's value: JSON itself, `@FILE`, or `-` for stdin. */
export async function objectIn(option: string, given: string): Promise<PlainObject> {
  if (given === "-") return parseObject(option, await readStdin(option));
  return parseObject(option, given.startsWith("@") ? readFile(option, given.slice(1)) : given);
}

export async function objectOf(option: string, given: string | undefined): Promise<PlainObject | undefined> {
  return given === undefined ? undefined : await objectIn(option, given);
}

/** Returns the new briefs of JSON Lines in a file, or on stdin for `-`. Empty lines are skipped. */
export async function briefsIn(option: string, file: string): Promise<NewBrief[]> {
  const lines = (file === "-" ? await readStdin(option) : readFile(option, file)).split("\n");
  return lines.flatMap((line, n) => {
    const path = `${option}, line ${n + 1}`;
    return line.trim() === "" ? [] : [newBriefOf(path, parseObject<BriefLine>(path, line))];
  });
}

/** Whether the environment has a claim. */
export function hasClaim(): boolean {
  return process.env[claimVariable] !== undefined;
}

/**
 * Returns the claim of `--claim`, a file or `-` for stdin, or else of the environment variable.
 * @throws InvalidInputError if neither is there.
 */
export async function claimIn(file: string | undefined): Promise<ClaimRef> {
  const claim = await claimOf(file);
  if (claim) return claim;
  throw invalid("--claim", `required, unless the environment has ${claimVariable}, which "work" sets`);
}

async function claimOf(file: string | undefined): Promise<ClaimRef | undefined> {
  const fromEnvironment = process.env[claimVariable];
  if (file === undefined && fromEnvironment === undefined) return undefined;
  if (file === undefined) return parseObject(claimVariable, fromEnvironment ?? "");
  return parseObject("--claim", file === "-" ? await readStdin("--claim") : readFile("--claim", file));
}

/** Returns an object, whose fields the blackboard checks. Messages don't show the text, which may contain secrets. */
export function parseObject<T extends object>(path: string, json: string): T {
  let value: T;
  try {
    value = JSON.parse(json);
  } catch {
    throw invalid(path, json.trim() === "" ? "must be a JSON object, got nothing" : "is not valid JSON");
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  const found = value === null ? "null" : Array.isArray(value) ? "an array" : `a ${typeof value}`;
  throw invalid(path, `must be a JSON object, got ${found}`);
}

/** A new brief as JSON: the time is text, and the tier may be left out. */
export type BriefLine = Omit<NewBrief, "notBefore" | "tier"> & { notBefore?: unknown; tier?: number };

/** The tier of a brief without one. */
export const defaultTier = 1;

/** Returns what `spawnBrief` takes. It checks the values. */
export function newBriefOf(path: string, { notBefore, ...line }: BriefLine): NewBrief {
  const brief = { ...line, tier: line.tier ?? defaultTier };
  if (notBefore === undefined || notBefore === null) return brief;
  return { ...brief, notBefore: timeOf(`${path}.notBefore`, notBefore) };
}

/** A time with its offset, since the local one differs between machines. */
const times = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/;

export function timeOf(path: string, given: unknown): Date {
  const time = typeof given === "string" && times.test(given) ? new Date(given) : new Date(Number.NaN);
  if (!Number.isNaN(time.getTime())) return time;
  throw invalid(path, `must be a time such as 2026-03-01T09:30:00Z, got ${JSON.stringify(given)}`);
}

export function invalid(path: string, message: string): InvalidInputError {
  return new InvalidInputError([{ path, message }]);
}
