/**
 * npm run bench [-- --only NAME] [-- --quick] [-- --out FOLDER]
 *
 * NAME is a subject, part of a line's name, `schema`, `size`, `dependencies`, `drain`, `fairness`, `programs`, `adoption` or `postgres`.
 * `postgres` needs PostgreSQL installed and runs only if specified; `postgres:NAME` selects by part of a line's name.
 * `dependencies` includes PostgreSQL if it is installed. results.json, results.md and chart.svg are written to FOLDER.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { adoption, adoptionRows } from "./adoption.ts";
import { chart } from "./chart.ts";
import { graphRows, graphs, idleClaims, idleClaimsOnPostgres, idleRows } from "./dependencies.ts";
import { drainRows, drains } from "./drain.ts";
import { fairness, fairnessRows } from "./fairness.ts";
import { type Effort, type Figures, measure } from "./measure.ts";
import { measurePostgres, postgresRows } from "./postgres.ts";
import { programRows, programs } from "./programs.ts";
import { machine, machineLine, markdown, peerRows, ratioRows, sizeRows } from "./report.ts";
import { schemaPrice, schemaRows } from "./schema.ts";
import { bySize } from "./size.ts";
import type { Subject } from "./subject.ts";
import { briefs } from "./subjects/briefs.ts";
import { events } from "./subjects/events.ts";
import { lifecycle } from "./subjects/lifecycle.ts";
import { lists } from "./subjects/lists.ts";
import { opening } from "./subjects/opening.ts";
import { runs } from "./subjects/runs.ts";
import { tracing } from "./subjects/tracing.ts";
import { updates } from "./subjects/updates.ts";
import { workstreams } from "./subjects/workstreams.ts";

const subjects: readonly Subject[] = [runs, workstreams, briefs, updates, events, lifecycle, lists, opening, tracing];

const { only, quick, out } = parseArgs({
  options: { only: { type: "string" }, quick: { type: "boolean", default: false }, out: { type: "string" } },
}).values;
const effort: Effort = quick ? { rounds: 7, blockMs: 8 } : { rounds: 41, blockMs: 25 };

const about = machine();
const texts: string[] = [];
tell(machineLine(about));

const figures = await byOperation();
if (figures.length > 0) tell("## Operations", markdown(ratioRows(figures)));
const compared = figures.filter(({ limits }) => Object.keys(limits).length > 0);
if (compared.length > 0) tell("## Compared with other packages", markdown(peerRows(compared)));
const prices = wanted("schema") ? await schemaPrice(effort) : [];
if (prices.length > 0) tell("## Cost of the schema in createBrief", markdown(schemaRows(prices)));
const sizes = wanted("size") ? await bySize(effort, only) : [];
if (sizes.length > 0) tell("## A large run ÷ a small one", markdown(sizeRows(sizes)));
const drained = wanted("dependencies") ? graphs(quick ? 1000 : 10_000, quick ? 3 : 5) : [];
if (drained.length > 0) tell("## Graphs of briefs", markdown(graphRows(drained)));
const idle = wanted("dependencies")
  ? [...(await idleClaims(effort, 10_000)), ...(await idleClaimsOnPostgres({ ...effort, blockMs: 60 }, 10_000))]
  : [];
if (idle.length > 0) tell("## Idle claims among 10,000 briefs of each kind", markdown(idleRows(idle)));
const emptied = wanted("drain") ? await drains(quick ? 2000 : 20_000) : [];
if (emptied.length > 0) tell("## Workers that claim and complete all briefs of a run", markdown(drainRows(emptied)));
const shares = wanted("fairness") ? await fairness(quick ? 1000 : 5000) : [];
if (shares.length > 0) tell("## Eight writers on one file", markdown(fairnessRows(shares)));
const started = wanted("programs") ? programs(quick ? 5 : 21) : undefined;
if (started) tell("## Programs", markdown(programRows(started)));
const adopted = wanted("adoption") ? adoption(quick ? 3 : 11) : [];
if (adopted.length > 0) tell("## Opening files with pending migrations", markdown(adoptionRows(adopted)));
const [server, lineOnServer = ""] = only?.split(":") ?? [];
const onServer =
  server === "postgres"
    ? await measurePostgres(quick ? { rounds: 11, blockMs: 60 } : { rounds: 41, blockMs: 150 }, lineOnServer)
    : [];
if (onServer.length > 0) tell("## PostgreSQL", markdown(postgresRows(onServer)));
if (texts.length === 1) {
  throw new Error(
    `Unknown name ${only}; expected part of a line's name or one of: ${subjects.map(({ name }) => name).join(", ")}, schema, size, dependencies, drain, fairness, programs, adoption, postgres.`,
  );
}
if (out !== undefined) {
  mkdirSync(out, { recursive: true });
  const results = {
    machine: about,
    effort,
    figures,
    schema: prices,
    sizes,
    graphs: drained,
    idle,
    drains: emptied,
    fairness: shares,
    programs: started,
    adoption: adopted,
    postgres: onServer,
  };
  writeFileSync(join(out, "results.json"), `${JSON.stringify(results, undefined, 2)}\n`);
  writeFileSync(join(out, "results.md"), `${texts.join("\n\n")}\n`);
  if (compared.length > 0) writeFileSync(join(out, "chart.svg"), chart(figures));
}

function tell(...parts: string[]): void {
  texts.push(...parts);
  console.log(`${parts.join("\n\n")}\n`);
}

/** The slowest parts, which a quick run omits unless they are specified. */
function wanted(name: string): boolean {
  return only === name || (only === undefined && !quick);
}

async function byOperation(): Promise<Figures[]> {
  const figures: Figures[] = [];
  for (const { name, lines } of subjects) {
    for (const line of lines.filter((line) => !only || name === only || line.name.includes(only))) {
      for (const level of line.levels) {
        process.stderr.write(`${line.name}, ${level}\r\x1b[K`);
        figures.push(await measure(line, level, effort));
      }
    }
  }
  return figures;
}
