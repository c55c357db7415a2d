/** The problems that a chaos run looks for, and its findings. */
export const problems = {
  looks: "1. Reading a file drops SQLite's locks",
  links: "2. Links to the file",
  gone: "3. A file removed or replaced while open",
  leftovers: "4. Leftover -wal and -journal",
  prune: "5. Prune while runs are opened",
  order: "6. Dependencies, times and statuses that hold claims back",
  together: "All scenarios together",
} as const;
export type Problem = keyof typeof problems;

export interface Finding {
  readonly problem: Problem;
  /** What is wrong; findings with the same text are added up. */
  readonly what: string;
  /** Number of affected rows, rounds or calls. */
  readonly count: number;
  /** Total number of rows, rounds or calls, if known. */
  readonly of?: number | undefined;
  /** An example. */
  readonly example?: string | undefined;
}

export class Findings {
  readonly #byText = new Map<string, Finding>();

  /** Adds a finding to the counts of an equal one. */
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
