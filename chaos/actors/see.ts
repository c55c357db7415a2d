/**
 * Repeatedly reads a run through a path, with every function of `looks.ts`. Each must see all writes that were acknowledged
 * before it started.
 */
import { setTimeout } from "node:timers/promises";
import { Journal, readJournals } from "../journal.ts";
import { looks } from "./looks.ts";
import { ends, randomOf, taskOf } from "./task.ts";

interface SeeTask {
  readonly root: string;
  readonly runId: string;
  readonly file: string;
  readonly scratch: string;
  readonly journal: string;
  /** The folder with the writers' journals. */
  readonly journals: string;
}

const task = taskOf<SeeTask>();
const random = randomOf(task);
const journal = new Journal(task.journal);

const acknowledged = () =>
  readJournals(task.journals).reduce(
    (sum, { entries }) => sum + entries.filter(({ did }) => did === "brief").length,
    0,
  );

while (!ends.aborted) {
  const which = random.pick(Object.keys(looks));
  const known = acknowledged();
  try {
    const seen = await looks[which]?.(task);
    const isShort = seen !== undefined && seen < known;
    if (isShort) journal.write({ did: "note", what: "too few", detail: `${which} saw ${seen} of ${known} briefs` });
    journal.write({ did: "note", what: "looked" });
  } catch (error) {
    journal.error(which, error);
  }
  await setTimeout(random.between(1, 30));
}
