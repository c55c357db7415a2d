/**
 * Evaluates the .gitignore files of a folder and its parents as git does: a deeper file overrides a higher one, and a later line
 * overrides an earlier one.
 *
 * The patterns of all files are rewritten relative to one origin and put into one list. Evaluating each file separately would be
 * wrong where a deeper file negates a pattern of a higher one.
 */
import { existsSync } from "node:fs";
import { lstat, readFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import ignore, { type Ignore } from "ignore";

export class GitIgnore {
  readonly #origin: string;
  readonly #rules: Ignore;

  private constructor(origin: string, rules: Ignore) {
    this.#origin = origin;
    this.#rules = rules;
  }

  /** Returns the rules for a folder: its own .gitignore, and those above it up to the root of its repository, if any. */
  static async of(folder: string): Promise<GitIgnore> {
    const root = repositoryAround(folder) ?? folder;
    let rules = await GitIgnore.#startingAt(root);
    let next = root;
    for (const name of relative(root, folder).split(sep).filter(Boolean)) {
      next = join(next, name);
      // If the surveyed folder itself is ignored, its repository's rules are not used: they would exclude everything.
      if (rules.ignores(next, true)) return GitIgnore.#startingAt(folder);
      rules = await rules.within(next);
    }
    return rules;
  }

  static #startingAt(folder: string): Promise<GitIgnore> {
    return new GitIgnore(folder, newRules()).within(folder);
  }

  /** Returns these rules with those of the folder's own .gitignore. */
  async within(folder: string): Promise<GitIgnore> {
    const patterns = await patternsOf(join(folder, ".gitignore"));
    if (patterns.length === 0) return this;
    const base = relative(this.#origin, folder).split(sep).filter(Boolean).map(escaped);
    const rules = patterns.map((pattern) => ({ pattern: rebased(pattern, base) }));
    return new GitIgnore(this.#origin, newRules().add(this.#rules).add(rules));
  }

  ignores(path: string, isFolder: boolean): boolean {
    return this.#rules.ignores(`${relative(this.#origin, path)}${isFolder ? "/" : ""}`);
  }
}

function newRules(): Ignore {
  return ignore({ ignorecase: process.platform === "win32" || process.platform === "darwin" });
}

function repositoryAround(folder: string): string | undefined {
  if (existsSync(join(folder, ".git"))) return folder;
  const parent = dirname(folder);
  return parent === folder ? undefined : repositoryAround(parent);
}

/** Returns the patterns of a .gitignore; none if it is missing, unreadable, or a link, which git does not follow either. */
async function patternsOf(file: string): Promise<string[]> {
  try {
    if (!(await lstat(file)).isFile()) return [];
    const lines = new TextDecoder().decode(await readFile(file)).split(/\r?\n/);
    const saysNothing = /^(#|!?\/? *$)/;
    return lines.filter((line) => !saysNothing.test(line));
  } catch {
    return [];
  }
}

/** Rewrites a pattern. With a slash before its end, it is relative to its folder; otherwise it matches at every depth. */
function rebased(pattern: string, base: readonly string[]): string {
  const trimmed = pattern.replace(/(?<!\\) +$/, "");
  const negation = trimmed.startsWith("!") ? "!" : "";
  const name = trimmed.slice(negation.length);
  const isAnchored = name.slice(0, -1).includes("/");
  return negation + ["", ...base, ...(isAnchored ? [] : ["**"]), name.replace(/^\//, "")].join("/");
}

function escaped(name: string): string {
  return name.replace(/[\\*?[\]]/g, "\\$&");
}
