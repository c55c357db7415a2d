/** Processes that share one run: workers, watchers, the Python module, `sqlite3`, the command-line tool. */

import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { checkRun, checkWatches, reportErrors } from "./check.ts";
import { contentsOf } from "./contents.ts";
import { readJournals } from "./journal.ts";
import { type Part, startActor } from "./processes.ts";
import { hasPython, hasSqlite, type Stage } from "./stage.ts";

interface CrewOptions {
  readonly runId: string;
  /** The folder that contains `runs/`. */
  readonly folder: string;
  /** The paths that workers open, assigned in turn. */
  readonly files: readonly string[];
  /** Probability, from 0 to 1, that a worker or watcher reads its own file between two steps. */
  readonly looks: number;
  readonly workers: number;
  readonly watchers: number;
  readonly python: number;
  /** Commands of the command-line tool to run one after another; null for none. */
  readonly commands: readonly (readonly string[])[] | null;
}

interface Crew {
  /** The parts that may be stopped and killed. */
  readonly parts: readonly Part[];
  /** Ends all processes and checks the file. */
  finish(file: string, codes?: readonly string[]): Promise<void>;
}

export function startCrew(stage: Stage, options: CrewOptions): Crew {
  const { runId, folder, files, looks } = options;
  const journals = stage.made(`journals-${runId}`);
  const watchJournals = stage.made(`watch-journals-${runId}`);
  const scratch = stage.made("scratch");
  const root = join(folder, "runs");
  const common = { root, runId, scratch, looks };
  const fileOf = (n: number) => files[n % files.length] ?? "";

  const workers = Array.from({ length: options.workers }, (_, n) =>
    stage.part((generation) => {
      const name = `${runId}-w${n}-${generation}`;
      const journal = join(journals, `${name}.journal`);
      return stage.start("work", name, { ...common, file: fileOf(n), journal, leaseMs: 1500, pauseMs: 2 });
    }),
  );
  const watchers = Array.from({ length: options.watchers }, (_, n) => {
    let latest = "";
    const part = stage.part((generation) => {
      latest = `${runId}-watch${n}-${generation}`;
      const journal = join(watchJournals, `${latest}.journal`);
      return stage.start("watch", latest, { ...common, looks: looks / 4, file: fileOf(n), journal, after: 0 });
    });
    return { part, latest: () => latest };
  });
  const python = Array.from({ length: hasPython ? options.python : 0 }, (_, n) =>
    stage.part((generation) => {
      const name = `${runId}-python${n}-${generation}`;
      const journal = join(journals, `${name}.journal`);
      return stage.startPython("other", name, folder, { runId, journal, writes: 3, pauseMs: 120 });
    }),
  );
  const others: Part[] = [];
  if (hasSqlite && options.python > 0) {
    const words = [fileOf(0), "SELECT count(*) FROM sqlite_schema"];
    others.push(
      stage.part((generation) => startActor(`sqlite3-${generation}`, "sqlite3", ["-cmd", ".timeout 5000", ...words])),
    );
  }
  const { commands } = options;
  if (commands) {
    others.push(stage.part((generation) => stage.tool(`tool-${generation}`, stage.random.pick(commands), folder)));
  }

  return {
    parts: [...workers, ...python, ...watchers.map(({ part }) => part), ...others],
    finish: async (file, codes = []) => {
      await Promise.all([...workers, ...python, ...others].map((part) => endPart(stage, part)));
      const lastSeq = contentsOf(file).events.at(-1)?.seq ?? 0;
      // A watcher that was just restarted still has to open the file.
      await setTimeout(100);
      await Promise.all(watchers.map(({ part }) => part.finish(`until ${lastSeq}`)));
      checkRun(stage, file, readJournals(journals), { codes });
      const lived = readJournals(watchJournals);
      reportErrors(
        stage,
        lived.flatMap(({ entries }) => entries),
        ["BUSY", ...codes],
      );
      checkWatches(
        stage,
        file,
        lived.filter(({ name }) => watchers.some(({ latest }) => latest() === name)),
      );
    },
  };
}

export async function endPart(stage: Stage, part: Part): Promise<void> {
  if (!(await part.end())) stage.found("a process does not end on SIGTERM", { example: part.current?.name ?? "" });
}
