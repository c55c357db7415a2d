/** Runs one import, copy, backup, restore or open in a separate process and returns its outcome. */
import { setTimeout } from "node:timers/promises";
import type { PutTask } from "./actors/put.ts";
import type { Stage } from "./stage.ts";

interface Outcome {
  /** "done", "killed" or an error code. */
  readonly outcome: string;
  readonly message: string;
}

/** With `killAfterMs`, kills the process that long after it starts the operation. */
export async function put(
  stage: Stage,
  name: string,
  task: PutTask,
  killAfterMs?: number,
  about: string = task.way,
): Promise<Outcome> {
  const actor = stage.start("put", name, task);
  await actor.line("loaded");
  actor.say("begin");
  if (killAfterMs !== undefined) {
    await Promise.race([setTimeout(killAfterMs), actor.ended]);
    actor.kill();
  }
  const ending = await actor.ended;
  if (task.killAfterCall === undefined) stage.checkEnding(actor, ending);
  const answer = ending.stdout.split("\n").find((line) => line.startsWith("{"));
  if (answer === undefined) return { outcome: "killed", message: ending.stderr };
  const { outcome, message = "" }: Partial<Outcome> = JSON.parse(answer);
  if (outcome === "none") stage.found("a bare error reached the caller", { example: `${about}: ${message}` });
  return { outcome: outcome ?? "none", message };
}
