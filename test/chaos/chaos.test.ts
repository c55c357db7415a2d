/** A short run of every `npm run chaos` scenario. */
import { beforeAll, expect, test } from "vitest";
import { type Finding, type Problem, problems, textOf } from "../../chaos/findings.ts";
import { runChaos } from "../../chaos/run.ts";

const seed = "1";
let findings: readonly Finding[];

beforeAll(async () => {
  findings = await runChaos({ seed, seconds: 16 });
});

const promises: Readonly<Record<Problem, string>> = {
  looks: "read-only calls of a process that has the file open lose no acknowledged write of an older SQLite",
  links: "acknowledged writes are visible through a link, and a file with two names loses nothing",
  gone: "no write to a deleted file is acknowledged, and watches and held claims end",
  leftovers:
    "a file written next to a crashed run's companion files is complete or rejected, and a rejection changes no byte",
  prune: "a run created where one was pruned loses nothing, and prune deletes nothing outside its root",
  order: "no brief is claimed before its blockers are done, no count is lost and no brief waits forever",
  together: "all scenarios together lose no acknowledged write",
};

test.each(Object.keys(problems).filter((name): name is Problem => name in promises))("%s", (problem) => {
  const found = findings.filter((finding) => finding.problem === problem).map(textOf);
  expect(found, `${promises[problem]}; again: npm run chaos -- --only ${problem} --seed ${seed}`).toEqual([]);
});
