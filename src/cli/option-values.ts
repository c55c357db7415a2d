/**
 * The values of options. One takes a single argument, so that it may stand before the run; several values are separated by commas.
 */
import { InvalidArgumentError, Option } from "commander";

/** Parses an option's value as an integer of at least 0. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value))
    throw new InvalidArgumentError("Expected an integer of at least 0.");
  return value;
}

/** An option that takes words of a vocabulary: separated by commas, and repeated. */
export function listOption(flags: string, description: string, choices: readonly string[]): Option {
  return new Option(flags, description).choices(choices).argParser((text, before: string[] | undefined) => {
    const words = text.split(",").map((word) => word.trim());
    const unknown = words.find((word) => !choices.includes(word));
    if (unknown === undefined) return [...(before ?? []), ...words];
    throw new InvalidArgumentError(`Allowed are ${choices.join(", ")}, separated by commas.`);
  });
}

/** Collects the values of an option that is repeated. */
export function collected(text: string, before: string[] | undefined): string[] {
  return [...(before ?? []), text];
}
