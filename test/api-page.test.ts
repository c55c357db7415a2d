/** docs/api.md names every method, field, filter, status and kind, and no method that doesn't exist. */
import { briefStatuses, eventKinds, runStatuses, workstreamStatuses } from "run-blackboard";
import { expect, test } from "vitest";
import { Blackboard, BlackboardOperations } from "../src/blackboard.ts";
import { newBriefFields } from "../src/operations/briefs.ts";
import { newEventFields } from "../src/operations/entries.ts";
import { newWorkstreamFields } from "../src/operations/workstreams.ts";
import { filterNames } from "./behaviour/filters.ts";
import { readPage } from "./documentation.ts";

const page = readPage("docs/api.md");
/** The calls in the first column of the table of methods: their names, and what is between the parentheses. */
const calls = new Map(
  [...page.matchAll(/^\| `(\w+)\((.*?)\)` /gm)].map(([, name = "", parameters = ""]) => [name, parameters]),
);
const wordsOf = (text: string) => text.match(/\w+/g) ?? [];

test("each method of a blackboard has a row, and each row is a method", () => {
  const methods = [Blackboard, BlackboardOperations].flatMap(({ prototype }) =>
    Object.entries(Object.getOwnPropertyDescriptors(prototype)).flatMap(([name, { get }]) => (get ? [] : [name])),
  );
  const expected = methods.filter((name) => !["constructor", "toString"].includes(name));
  expect([...calls.keys()].sort()).toEqual(expected.sort());
});

const named: [method: string, names: readonly string[]][] = [
  ["createBrief", Object.keys(newBriefFields)],
  ["createWorkstream", Object.keys(newWorkstreamFields)],
  ["logEvent", Object.keys(newEventFields)],
  ...Object.entries(filterNames),
];

test.each(named)("the row of %s names each field or filter", (method, names) => {
  expect(wordsOf(calls.get(method) ?? "")).toEqual(expect.arrayContaining([...names]));
});

test.each([
  ["runs", runStatuses],
  ["workstreams", workstreamStatuses],
  ["briefs", briefStatuses],
  ["events", eventKinds],
])("the vocabulary of %s is complete", (of, words) => {
  const [, row = ""] = new RegExp(`^\\| ${of} +\\|(.*)\\|$`, "m").exec(page) ?? [];
  expect(wordsOf(row)).toEqual(words);
});
