/** The pages of the documentation, and the blocks of code on them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { project } from "./package/installed.ts";

/** README.md and what it leads to. */
export const guides = [
  "README.md",
  ...readdirSync(join(project, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];
/** Every page that is written by hand. */
export const pages = [
  ...guides,
  "ARCHITECTURE.md",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "bench/README.md",
  "migrations/README.md",
];

export function readPage(page: string): string {
  return readFileSync(join(project, page), "utf8");
}

export interface Block {
  page: string;
  line: number;
  language: string;
  text: string;
  /** The `text` block that follows after "prints". */
  prints: string | undefined;
}

export function blocksOf(page: string): Block[] {
  const markdown = readPage(page);
  return [...markdown.matchAll(/^```(\w*)\n(.*?)^```\n(?=(\nprints\n\n```text\n(.*?)^```)?)/gms)].map((match) => {
    const [, language = "", text = "", , prints] = match;
    return { page, line: markdown.slice(0, match.index).split("\n").length, language, text, prints };
  });
}
