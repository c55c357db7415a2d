/** What the compiler says where test/types.test-d.ts expects an error: a user reads the first line of it. */
import { spawnSync } from "node:child_process";
import { copyFileSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { project } from "./package/installed.ts";
import { temporaryFolder } from "./processes/folder.ts";

const source = readFileSync(join(project, "test/types.test-d.ts"), "utf8");

/** Compiles a text in place of the type tests. Returns the lines that the compiler complains about, with what it says. */
function complaintsOf(text: string): string[] {
  const folder = temporaryFolder();
  symlinkSync(join(project, "node_modules"), join(folder, "node_modules"));
  copyFileSync(join(project, "test/contract.ts"), join(folder, "contract.ts"));
  writeFileSync(join(folder, "types.test-d.ts"), text);
  const { compilerOptions } = JSON.parse(readFileSync(join(project, "tsconfig.json"), "utf8"));
  const paths = Object.fromEntries(
    Object.entries<string[]>(compilerOptions.paths).map(([name, [path = ""]]) => [name, [join(project, path)]]),
  );
  const options = { ...compilerOptions, rootDir: "/", paths, typeRoots: [join(project, "node_modules/@types")] };
  const config = { compilerOptions: options, files: ["types.test-d.ts"] };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  const compiler = join(project, "node_modules/.bin/tsc");
  const { stdout } = spawnSync(compiler, ["--pretty", "false"], { cwd: folder, encoding: "utf8" });
  const lines = text.split("\n");
  // Of overloads, the first line says only that none fits, and the last one is the reason.
  const said = /^types\.test-d\.ts\((\d+),\d+\): error (TS\d+: .*)(?:\n {2}The last overload .*\n +(.*))?/gm;
  return [...stdout.matchAll(said)].map(([, line, message, reason]) => {
    const code = lines[Number(line) - 1]?.trim();
    return `${code}\n    ${message}${reason === undefined ? "" : `\n    ${reason}`}\n`;
  });
}

test("the messages of all expected errors are those that were read and found good", async () => {
  const expected = source.match(/@ts-expect-error/g)?.length ?? 0;
  expect(expected).toBeGreaterThan(50);
  const complaints = complaintsOf(source.replaceAll("@ts-expect-error", "Expected:"));
  expect(complaints).toHaveLength(expected);
  await expect(complaints.join("\n")).toMatchFileSnapshot(join(project, "test/types.messages.txt"));
});

test("every kind of proof of the type tests fails when it should", () => {
  const broken = [
    "holds<Same<number, string>>();",
    "holds<Same<{ a: 1 }, { a?: 1 }>>();",
    "holds<Same<unknown, string>>();",
    "holds<Same<any, string>>();",
    "holds<SameObject<{ a: 1 }, { readonly a: 1 }>>();",
    "holds<Fits<string, number>>();",
    "holds<SameMethod<() => Promise<1>, () => 1>>();",
    "holds<SameMethod<(a: string) => 1, (a: number) => 1>>();",
    "holds<SameError<BlackboardError & { more: 1 }, contract.BlackboardError>>();",
    "// @ts-expect-error Nothing is wrong here.",
    "board.getRun();",
  ];
  const complaints = complaintsOf(`${source}\n${broken.join("\n")}\n`).map((one) => one.split("\n")[0]);
  expect(complaints).toEqual(broken.slice(0, -1));
});
