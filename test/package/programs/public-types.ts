/** Types of the published package that are the same with every version of Drizzle; `.ci/drizzle-next.ts` compiles it with the next. */
import { type BlackboardEvent, type Brief, openBlackboard, type Run, type Workstream } from "run-blackboard";
import { openPostgresBlackboard } from "run-blackboard/postgres";
import type { JsonObject, RunStatus } from "run-blackboard/schema";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

true satisfies Same<Run["status"], RunStatus>;
true satisfies Same<Workstream["ownerAgentId"], string | null>;
true satisfies Same<Brief["waitsFor"], number>;
true satisfies Same<Brief["payload"], JsonObject>;
true satisfies Same<BlackboardEvent["seq"], number>;

const board = openBlackboard({ runId: "types", file: ":memory:" });
const run = board.createRun("compile");
true satisfies Same<typeof run, Run>;
// @ts-expect-error Unknown status.
board.updateRunStatus("blocked");
// Drizzle's own methods, on the driver's connection.
true satisfies Same<(typeof board.drizzle.$client)["open"], boolean>;
const counts = board.drizzle.all<{ n: number }>("SELECT count(*) AS n FROM briefs");
true satisfies Same<typeof counts, { n: number }[]>;

const remote = await openPostgresBlackboard({ runId: "types", connection: "" });
const brief = await remote.getBrief("b");
true satisfies Same<typeof brief, Brief | undefined>;
