/**
 * Workers and watchers read the file that they have open, with every function that reads runs, while the Python module and
 * `sqlite3` open and close it.
 */
import { join } from "node:path";
import { startCrew } from "../crew.ts";
import { disturb } from "../processes.ts";
import type { Scenario } from "../stage.ts";

export const looks: Scenario = {
  problem: "looks",
  share: 2,
  run: async (stage) => {
    const folder = stage.made("looks");
    const file = stage.newRun(join(folder, "runs"), "looked");
    const crew = startCrew(stage, {
      runId: "looked",
      folder,
      files: [file],
      looks: 0.05,
      workers: 3,
      watchers: 1,
      python: 2,
      commands: null,
    });
    await disturb(crew.parts, stage.random, stage.until);
    await crew.finish(file);
  },
};
