/**
 * Durations: as options take them and as text output shows them, a number and a unit.
 */
import { InvalidInputError } from "../errors-and-types.ts";

/** The largest unit first. `letter` is how options name a unit, `name` how output does; weeks are for options only. */
const units = [
  { letter: "w", name: undefined, ms: 604_800_000 },
  { letter: "d", name: "d", ms: 86_400_000 },
  { letter: "h", name: "h", ms: 3_600_000 },
  { letter: "m", name: "min", ms: 60_000 },
  { letter: "s", name: "s", ms: 1000 },
] as const;

/** Returns the milliseconds of a duration such as `30d`; `undefined` for any other text. */
function parsed(text: string): number | undefined {
  const [, count, letter] = /^(\d+)([smhdw])$/.exec(text) ?? [];
  const unit = units.find((one) => one.letter === letter);
  return unit && Number(count) * unit.ms;
}

/**
 * Returns the milliseconds of a duration such as `30d`.
 * @throws InvalidInputError, with the option's name as the path.
 */
export function milliseconds(option: string, text: string): number {
  const ms = parsed(text);
  if (ms !== undefined) return ms;
  const message = `must be a number and a unit (s, m, h, d or w), such as 30d; got ${JSON.stringify(text)}`;
  throw new InvalidInputError([{ path: option, message }]);
}

/**
 * Returns a time, as the database stores it: an ISO time, or a duration such as `1h`, which is that long ago.
 * @throws InvalidInputError, with the option's name as the path.
 */
export function timeOf(option: string, text: string): string {
  const ms = parsed(text);
  const time = ms === undefined ? (/^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN) : Date.now() - ms;
  const date = new Date(time);
  if (!Number.isNaN(date.getTime()) && /^\d/.test(date.toISOString())) return date.toISOString();
  const message = `must be a number and a unit (s, m, h, d or w), such as 1h, or a time, such as 2026-01-31T08:00:00Z; got ${JSON.stringify(text)}`;
  throw new InvalidInputError([{ path: option, message }]);
}

/** Formats a duration in its largest unit, such as `3 min`. */
export function duration(ms: number): string {
  const unit = units.find((one) => one.name !== undefined && ms >= one.ms);
  return unit ? `${Math.floor(ms / unit.ms)} ${unit.name}` : "0 s";
}
