/** Links within the documentation lead somewhere. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, it } from "vitest";
import { project } from "./package/installed.ts";

const pages = [
  "README.md",
  "ARCHITECTURE.md",
  "docs/lifecycle.md",
  "docs/recipes.md",
  "bench/README.md",
  "migrations/README.md",
];

/** As GitHub makes them. */
function anchorsOf(markdown: string): string[] {
  const headings = [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => heading);
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} -]/gu, "")
      .replaceAll(" ", "-"),
  );
}

it.each(pages)("%s has no dead link to a file or a heading", (page) => {
  const text = readFileSync(join(project, page), "utf8");
  const dead = [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = ""]) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [path = "", anchor] = target.split("#");
    const file = path === "" ? join(project, page) : join(dirname(join(project, page)), path);
    if (!existsSync(file)) return [`${target}: no ${relative(project, file)}`];
    return anchor === undefined || anchorsOf(readFileSync(file, "utf8")).includes(anchor) ? [] : [target];
  });
  expect(dead).toEqual([]);
});
