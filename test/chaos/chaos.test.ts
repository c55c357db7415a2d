/** The short form of `npm run chaos`: every scenario for some seconds. */
import { beforeAll, expect, test } from "vitest";
import { type Finding, type Problem, problems, textOf } from "../../chaos/findings.ts";
import { runChaos } from "../../chaos/run.ts";

const seed = "1";
let findings: readonly Finding[];

beforeAll(async () => {
  findings = await runChaos({ seed, seconds: 15 });
});

const promises: Readonly<Record<Problem, string>> = {
  looks: "no look of a process that has the file open costs an acknowledged write, beside an older SQLite",
  links: "what was acknowledged is seen through a link, and a file with two names loses nothing",
  gone: "nothing is acknowledged into a file that went away, and watches and held claims end",
  leftovers: "what is put where a crashed run's companions lie is whole or refused, and a refusal changes no byte",
  prune: "a run that is created where one was pruned loses nothing, and prune stays below its root",
  together: "no acknowledged write is lost with all of it at once",
};

test.each(Object.keys(problems).filter((name): name is Problem => name in promises))("%s", (problem) => {
  const found = findings.filter((finding) => finding.problem === problem).map(textOf);
  expect(found, `${promises[problem]}; again: npm run chaos -- --only ${problem} --seed ${seed}`).toEqual([]);
});
