/**
 * Symbolic links: workers write through the file and through links to it, and reads through a link must see all acknowledged
 * writes. Hard links: two workers that open one file by two names, and a copy into a file with two names, must be rejected or
 * lose no write.
 */
import { linkSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { checkRun, reportErrors } from "../check.ts";
import { endPart, startCrew } from "../crew.ts";
import { readJournals } from "../journal.ts";
import { disturb } from "../processes.ts";
import { put } from "../put.ts";
import type { Scenario, Stage } from "../stage.ts";

export const links: Scenario = {
  problem: "links",
  share: 2,
  run: async (stage) => {
    await Promise.all([symbolic(stage), hard(stage)]);
  },
};

async function symbolic(stage: Stage): Promise<void> {
  const folder = stage.made("symbolic");
  const root = join(folder, "runs");
  const runId = "linked";
  const file = stage.newRun(join(folder, "elsewhere"), runId);
  const link = join(root, runId, "blackboard.db");
  const linkToLink = join(folder, "link.db");
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync(file, link);
  symlinkSync(link, linkToLink);
  // The Python module opens runs/linked/blackboard.db, which is the link.
  const crew = startCrew(stage, {
    runId,
    folder,
    files: [file, link, linkToLink],
    looks: 0,
    workers: 3,
    watchers: 2,
    python: 1,
    commands: [["summary", link], ["export", linkToLink], ["status", runId], ["runs"], ["verify", link]],
  });
  const journals = join(stage.folder, `journals-${runId}`);
  const seen = stage.made("seen");
  const lookers = [link, linkToLink].map((path, n) =>
    stage.part((generation) => {
      const name = `see${n}-${generation}`;
      const journal = join(seen, `${name}.journal`);
      return stage.start("see", name, { root, runId, file: path, scratch: stage.made("scratch"), journal, journals });
    }),
  );
  await disturb([...crew.parts, ...lookers], stage.random, stage.until);
  await Promise.all(lookers.map((part) => endPart(stage, part)));
  await crew.finish(file);
  const entries = readJournals(seen).flatMap((journal) => journal.entries);
  const looked = entries.filter((entry) => entry.did === "note" && entry.what === "looked").length;
  const short = entries.filter((entry) => entry.did === "note" && entry.what === "too few");
  const [first] = short;
  if (first?.did === "note") {
    const what = "reads through a link missed acknowledged writes";
    stage.found(what, { count: short.length, of: looked, example: first.detail });
  }
  stage.count("reads through a link", looked);
  reportErrors(stage, entries, ["BUSY"]);
}

/** Runs rounds in which a file gets a second name while a worker has it open. */
async function hard(stage: Stage): Promise<void> {
  for (let round = 0; round === 0 || !stage.isOver; round++) {
    const folder = stage.made(`hard-${round}`);
    const root = join(folder, "runs");
    const runId = "hard";
    const file = stage.newRun(root, runId, 40);
    const other = join(folder, "other.db");
    const journals = stage.made(`journals-hard-${round}`);
    const worker = (n: number, path: string) =>
      stage.part((generation) => {
        const name = `hard${round}-w${n}-${generation}`;
        const journal = join(journals, `${name}.journal`);
        const more = { scratch: stage.made("scratch"), looks: 0, leaseMs: 60_000, pauseMs: 2 };
        return stage.start("work", name, { root, runId, file: path, journal, ...more });
      });
    const first = worker(0, file);
    await setTimeout(stage.random.between(100, 500));
    linkSync(file, other);
    const second = worker(1, other);
    const source = stage.newRun(join(folder, "source"), "arriving", 20);
    const task = { from: source, runId: "arriving", to: other, toRunId: "arriving", scratch: folder };
    const way = stage.random.pick(["importRun", "copyRun"] as const);
    const copying = put(stage, `hard${round}-put`, { ...task, way });
    await disturb([first, second], stage.random, Math.min(stage.until, Date.now() + 2500));
    const { outcome, message } = await copying;
    await endPart(stage, first);
    await endPart(stage, second);
    rmSync(other);
    const all = readJournals(journals);
    checkRun(stage, file, all, { codes: ["CANNOT_OPEN"] });
    const refused = all.flatMap(({ entries }) => entries).filter((entry) => entry.did === "note").length;
    stage.count("opens of a file with two names that were rejected", refused);
    if (outcome === "done") stage.found("copies into a file with two names succeeded", { example: way });
    else if (outcome !== "CANNOT_OPEN")
      stage.found(`a copy into a file with two names failed with ${outcome}`, { example: message });
  }
}
