/**
 * Durations as options take them: a number and a unit.
 */
import { InvalidInputError } from "../errors-and-types.ts";

const units: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/**
 * Returns the milliseconds of a duration such as `30d`.
 * @throws InvalidInputError, with the option's name as the path.
 */
export function milliseconds(option: string, text: string): number {
  const [, count, unit = ""] = /^(\d+)([smhdw])$/.exec(text) ?? [];
  const perUnit = units[unit];
  if (count !== undefined && perUnit !== undefined) return Number(count) * perUnit;
  const message = `must be a number and a unit (s, m, h, d or w), such as 30d; got ${JSON.stringify(text)}`;
  throw new InvalidInputError([{ path: option, message }]);
}
