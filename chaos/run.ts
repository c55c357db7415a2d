/** Runs the scenarios and collects their findings. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildPrograms } from "../test/processes/build-programs.ts";
import { type Finding, Findings, type Problem } from "./findings.ts";
import { gone } from "./scenarios/gone.ts";
import { leftovers } from "./scenarios/leftovers.ts";
import { links } from "./scenarios/links.ts";
import { looks } from "./scenarios/looks.ts";
import { order } from "./scenarios/order.ts";
import { prune } from "./scenarios/prune.ts";
import { together } from "./scenarios/together.ts";
import { type Scenario, Stage } from "./stage.ts";

/** Groups run one after another. The scenarios of a group run concurrently because they mostly wait. */
const groups: readonly (readonly Scenario[])[] = [[looks], [links], [gone, leftovers], [prune], [order], [together]];

interface ChaosOptions {
  readonly seed: string;
  /** Total for all scenarios, excluding startup and checks. */
  readonly seconds: number;
  /** Run only this scenario. */
  readonly only?: Problem | undefined;
  /** Keep the folder with runs and journals. */
  readonly keep?: boolean | undefined;
  /** Called with a summary line after each scenario. */
  readonly tell?: (line: string) => void;
}

export async function runChaos({ seed, seconds, only, keep = false, tell }: ChaosOptions): Promise<Finding[]> {
  const folder = mkdtempSync(join(tmpdir(), "run-blackboard-chaos-"));
  const programs = join(folder, "programs");
  mkdirSync(programs);
  buildPrograms(actorPrograms(), programs);
  const findings = new Findings();
  const chosen = groups.map((group) => group.filter(({ problem }) => only === undefined || problem === only));
  const shareOf = (group: readonly Scenario[]) => Math.max(0, ...group.map(({ share }) => share));
  const shares = chosen.reduce((sum, group) => sum + shareOf(group), 0);
  try {
    for (const group of chosen) {
      const began = Date.now();
      const until = began + (seconds * 1000 * shareOf(group)) / shares;
      const play = async ({ problem, run }: Scenario) => {
        const stage = new Stage(problem, { folder, programs, seed, until, findings });
        await run(stage);
        tell?.(`${problem}: ${((Date.now() - began) / 1000).toFixed(1)} s, ${stage.counts}`);
      };
      await Promise.all(group.map(play));
    }
  } finally {
    if (keep) tell?.(`kept: ${folder}`);
    else rmSync(folder, { recursive: true, force: true });
  }
  return findings.all;
}

/** Returns the command-line tool and the actors, without the modules that actors import. */
function actorPrograms(): URL[] {
  const actors = new URL("actors/", import.meta.url);
  const shared = ["kill-after.ts", "looks.ts", "task.ts"];
  const names = readdirSync(actors).filter((name) => name.endsWith(".ts") && !shared.includes(name));
  return [new URL("../src/cli/main.ts", import.meta.url), ...names.map((name) => new URL(name, actors))];
}
