/**
 * Tests of the suite that run on one version of PostgreSQL and Drizzle only: the longest, and those of arguments that reach neither.
 * They take more than half of the time.
 */
const skipped = [
  "hostile arguments are accepted",
  "rejected, with nothing written",
  "a filter is rejected",
  "each field of a new",
  "in any sequence",
  "match a model after every step",
  "matches plain SQL and a model",
  "pages of any size",
  "pages of about 1 MB",
  "100,000 children",
  "answers for thousands of briefs",
  "role lists of any length",
  "payload of several megabytes",
  "getBriefTree",
  "docs/lifecycle.md",
  "any input",
];

/** For vitest's `--testNamePattern`. */
export const withoutSkipped = `^(?!.*(${skipped.join("|")}))`;
