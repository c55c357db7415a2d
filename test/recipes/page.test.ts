/**
 * Checks that docs/recipes.md contains every recipe unchanged. After a change
 * `npx vitest run test/recipes/page.test.ts -u` copies the files into the page.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { project } from "../package/installed.ts";

const path = join(project, "docs/recipes.md");
const shown = /^\[(?<name>examples\/recipes\/\S+\.(?:ts|py))\]\(\.\.\/\k<name>\)\n\n```(?:ts|python)\n.*?^```$/gms;

test("docs/recipes.md contains each file of examples/recipes unchanged", async () => {
  const page = readFileSync(path, "utf8");
  const names = [...page.matchAll(shown)].map(([, name]) => name);
  expect([...names].sort()).toEqual(
    readdirSync(join(project, "examples/recipes")).map((name) => `examples/recipes/${name}`),
  );
  const filled = page.replace(shown, (_, name: string) => {
    const language = name.endsWith(".py") ? "python" : "ts";
    return `[${name}](../${name})\n\n\`\`\`${language}\n${readFileSync(join(project, name), "utf8")}\`\`\``;
  });
  await expect(filled).toMatchFileSnapshot(path);
});

test("docs/recipes.md contains no other program", () => {
  const page = readFileSync(path, "utf8");
  expect(page.match(/^```./gm)).toHaveLength([...page.matchAll(shown)].length);
});
