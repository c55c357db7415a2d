/**
 * npm run bench [-- --only NAME] [-- --quick] [-- --json FILE]
 *
 * NAME is a subject, or a part of a line's name. `--only fairness`, the test of eight processes, `--only adoption`, what
 * migrations cost, and `--only postgres` run only when they are asked for.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { adoption, adoptionTable } from "./adoption.ts";
import { fairness, fairnessTable } from "./fairness.ts";
import { type Effort, type Figures, measure } from "./measure.ts";
import { measurePostgres, postgresTable } from "./postgres.ts";
import { machine, machineLine, ratioTable } from "./report.ts";
import type { Subject } from "./subject.ts";
import { briefs } from "./subjects/briefs.ts";
import { events } from "./subjects/events.ts";
import { opening } from "./subjects/opening.ts";
import { runs } from "./subjects/runs.ts";
import { updates } from "./subjects/updates.ts";
import { workstreams } from "./subjects/workstreams.ts";

const subjects: readonly Subject[] = [runs, workstreams, briefs, updates, events, opening];

const { only, quick, json } = parseArgs({
  options: { only: { type: "string" }, quick: { type: "boolean", default: false }, json: { type: "string" } },
}).values;

const about = machine();
console.log(machineLine(about));
if (only === "fairness") {
  const shares = await fairness(quick ? 1000 : 5000);
  console.log(fairnessTable(shares));
  save({ machine: about, fairness: shares });
} else if (only === "postgres") {
  const effort: Effort = quick ? { rounds: 11, blockMs: 60 } : { rounds: 41, blockMs: 150 };
  const rates = await measurePostgres(effort);
  console.log(postgresTable(rates));
  save({ machine: about, effort, postgres: rates });
} else if (only === "adoption") {
  const rows = adoption(quick ? 3 : 11);
  console.log(adoptionTable(rows));
  save({ machine: about, adoption: rows });
} else {
  const effort: Effort = quick ? { rounds: 11, blockMs: 12 } : { rounds: 41, blockMs: 25 };
  const figures = await measureAll(effort);
  console.log(ratioTable(figures));
  save({ machine: about, effort, figures });
}

async function measureAll(effort: Effort): Promise<Figures[]> {
  const figures: Figures[] = [];
  for (const { name, lines } of subjects) {
    for (const line of lines.filter((line) => !only || name === only || line.name.includes(only))) {
      for (const level of line.levels) figures.push(await measure(line, level, effort));
    }
  }
  if (figures.length === 0) {
    throw new Error(`Nothing is called ${only}. Subjects: ${names()}, fairness, adoption, postgres.`);
  }
  return figures;
}

function names(): string {
  return subjects.map(({ name }) => name).join(", ");
}

function save(content: unknown): void {
  if (json) writeFileSync(json, `${JSON.stringify(content, undefined, 2)}\n`);
}
