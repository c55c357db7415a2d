/** Links of the documentation lead somewhere, in the repository and in the tarball; files that it names exist. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { pages, readPage } from "./documentation.ts";
import { project } from "./package/installed.ts";

/** As GitHub makes them: without code, in which `#` is a comment. */
function anchorsOf(markdown: string): string[] {
  const prose = markdown.replaceAll(/^```.*?^```$/gms, "");
  return [...prose.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/** The targets of links and pictures, but for other hosts; each as a path from the project's folder, and an anchor. */
function linksOf(page: string): { target: string; path: string; anchor: string | undefined }[] {
  const prose = readPage(page).replaceAll(/^```.*?^```$/gms, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = ""]) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [path = "", anchor] = target.split("#");
    return [{ target, path: path === "" ? page : normalize(join(dirname(page), path)), anchor }];
  });
}

const namedFile = /(?:src|drizzle|test|bench|chaos|docs|examples|migrations|\.ci|\.github)\/[\w./-]+\.\w+/g;

describe.each(pages)("%s", (page) => {
  it("has no dead link to a file or a heading", () => {
    const dead = linksOf(page).filter(({ path, anchor }) => {
      if (!existsSync(join(project, path))) return true;
      return anchor !== undefined && !anchorsOf(readPage(path)).includes(anchor);
    });
    expect(dead).toEqual([]);
  });

  it("has no two headings with one anchor", () => {
    const anchors = anchorsOf(readPage(page));
    expect(anchors.filter((anchor, index) => anchors.indexOf(anchor) !== index)).toEqual([]);
  });

  it("names no file that does not exist", () => {
    const named = [...readPage(page).matchAll(namedFile)];
    const missing = named.map(([path]) => path).filter((path) => !existsSync(join(project, path)));
    expect(missing.filter((path) => !path.startsWith("bench/peers/"))).toEqual([]);
  });
});

it("the map of ARCHITECTURE.md has every folder of src/, and names files that exist there", () => {
  const rows = [...readPage("ARCHITECTURE.md").matchAll(/^\| `(\w+\/[\w./-]*)` +\|(.*)\|$/gm)];
  const map = rows.map(([, path = "", contents = ""]) => ({ path, contents }));
  const folders = readdirSync(join(project, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => `${relative(project, join(entry.parentPath, entry.name)).replaceAll("\\", "/")}/`);
  expect(folders.filter((folder) => !map.some(({ path }) => path === folder))).toEqual([]);
  const missing = map.flatMap(({ path, contents }) => {
    const folder = path.endsWith("/") ? path : dirname(path);
    const named = [...contents.matchAll(/`([\w.-]+\.(?:ts|md))`/g)].map(([, name = ""]) => join(folder, name));
    return [path, ...named].filter((file) => !existsSync(join(project, file)));
  });
  expect(missing).toEqual([]);
});

describe("the tarball", () => {
  const [packed] = JSON.parse(
    execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
      cwd: project,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }),
  );
  const files: ReadonlySet<string> = new Set(packed.files.map(({ path }: { path: string }) => path));
  const shipped = pages.filter((page) => files.has(page));

  it("has the README and every page that it leads to", () => {
    const reached = new Set(["README.md"]);
    for (const page of reached) for (const { path } of linksOf(page)) if (path.endsWith(".md")) reached.add(path);
    expect([...reached].filter((page) => !files.has(page))).toEqual([]);
    expect(shipped).toContain("docs/decisions.md");
  });

  it.each(shipped)("has every file that %s links to", (page) => {
    // A link to a folder leads to the files in it.
    const absent = linksOf(page).filter(
      ({ path }) => ![...files].some((file) => file === path || file.startsWith(`${path}/`)),
    );
    expect(absent).toEqual([]);
  });
});
