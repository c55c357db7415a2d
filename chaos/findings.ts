/** What a chaos run can find, and what it has found. */
export const problems = {
  looks: "1. A look drops SQLite's locks",
  links: "2. A link instead of the file",
  gone: "3. A file that went away",
  leftovers: "4. Leftover -wal and -journal",
  prune: "5. Prune and the next opener",
  together: "All of it at once",
} as const;
export type Problem = keyof typeof problems;

export interface Finding {
  readonly problem: Problem;
  /** What is wrong, the same text for each time that it was seen. */
  readonly what: string;
  /** How many rows, rounds or calls. */
  readonly count: number;
  /** How many of them it could have been, where that is known. */
  readonly of?: number | undefined;
  /** One example. */
  readonly example?: string | undefined;
}

export class Findings {
  readonly #byText = new Map<string, Finding>();

  /** Adds up what is the same. */
  add(finding: Finding): void {
    const key = `${finding.problem} ${finding.what}`;
    const known = this.#byText.get(key);
    if (!known) {
      this.#byText.set(key, finding);
      return;
    }
    const of = known.of === undefined || finding.of === undefined ? undefined : known.of + finding.of;
    this.#byText.set(key, { ...known, count: known.count + finding.count, of });
  }

  get all(): Finding[] {
    return [...this.#byText.values()];
  }
}

export function textOf({ what, count, of, example }: Finding): string {
  const number = of === undefined ? `${count}` : `${count} of ${of}`;
  return `${number} × ${what}${example === undefined ? "" : `, e.g. ${example.replaceAll("\n", " ").slice(0, 300)}`}`;
}
