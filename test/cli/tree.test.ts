/** Trees deeper than the call stack allows. */
import { join } from "node:path";
import { openBlackboard } from "run-blackboard";
import { expect, test } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import { printed } from "./command.ts";

const depth = 6000;

function makeChain(): string {
  const file = join(temporaryFolder(), "blackboard.db");
  using board = openBlackboard({ runId: "r", file, synchronous: "normal" });
  board.createRun("a goal");
  board.transaction((tx) => {
    for (let n = 0; n < depth; n++) {
      const parentBriefId = n === 0 ? null : `b${n - 1}`;
      tx.createBrief({ briefId: `b${n}`, parentBriefId, tier: 0, role: "coder", payload: { n } });
    }
    tx.failBrief(`b${depth - 1}`);
  });
  return file;
}

test("a chain of 6,000 is printed whole, to a depth, and with failures only, as text and as JSON", () => {
  const file = makeChain();
  for (const [words, levels] of [
    [[], depth],
    [["--failed"], depth],
    [["--depth", "5000"], 5000],
    [["--brief", "b10", "--depth", "10"], 10],
  ] as const) {
    const text = printed("tree", file, ...words, "--json");
    // JSON.parse is recursive, so the briefs are searched for in the text.
    const payloads = [...text.matchAll(/"payload":\{"n":(\d+)\}/g)].map(([, n]) => Number(n));
    const first = words[0] === "--brief" ? 10 : 0;
    expect(payloads).toEqual(Array.from({ length: levels }, (_, n) => first + n));
    expect(text.match(/"children":\[/g)).toHaveLength(levels);
    expect(
      text.endsWith(`],"totals":{"pending":${depth - first - 1},"active":0,"done":0,"failed":1},"cycles":[]}\n`),
    ).toBe(true);
    expect(
      printed("tree", file, ...words)
        .trimEnd()
        .split("\n"),
    ).toHaveLength(levels + 1);
  }
});

test("tree --json prints the tree of getBriefTree, even for a brief without an id", () => {
  const file = join(temporaryFolder(), "blackboard.db");
  using board = openBlackboard({ runId: "r", file, synchronous: "normal" });
  board.createRun("a goal");
  for (const [briefId, parentBriefId] of [
    ["a", null],
    ["b", "a"],
    ["c", "a"],
    ["d", "b"],
    ["e", null],
  ] as const) {
    board.createBrief({ briefId, parentBriefId, tier: 0, role: "coder", payload: { briefId } });
  }
  expect(JSON.parse(printed("tree", file, "--json"))).toEqual(board.getBriefTree());
  expect(JSON.parse(printed("tree", file, "--brief", "b", "--json"))).toEqual(board.getBriefTree("b"));
  board.drizzle.$client.exec("UPDATE briefs SET brief_id = NULL WHERE brief_id = 'c'");
  expect(JSON.parse(printed("tree", file, "--json"))).toEqual(JSON.parse(JSON.stringify(board.getBriefTree())));
  const briefs = printed("briefs", file, "--json").trimEnd().split("\n");
  expect(briefs.map((line) => JSON.parse(line))).toEqual(board.listBriefs().items);
});
