/** The behaviour of a blackboard on every engine. */
import { describe } from "vitest";
import { backlog } from "./backlog.ts";
import { bounded } from "./bounded.ts";
import { briefs } from "./briefs.ts";
import { claims } from "./claims.ts";
import { claimsModel } from "./claims-model.ts";
import { closing } from "./closing.ts";
import { connections } from "./connections.ts";
import { dependencies } from "./dependencies.ts";
import type { Engine } from "./engine.ts";
import { events } from "./events.ts";
import { failures } from "./failures.ts";
import { filters } from "./filters.ts";
import { holding } from "./holding.ts";
import { hostileInput } from "./hostile.ts";
import { inspection } from "./inspection.ts";
import { jsonValues } from "./json-values.ts";
import { lifecycle } from "./lifecycle.ts";
import { lifecyclePage } from "./lifecycle-page.ts";
import { lists } from "./lists.ts";
import { listsModel } from "./lists-model.ts";
import { pages } from "./pages.ts";
import { properties } from "./properties.ts";
import { queue } from "./queue.ts";
import { refusals } from "./refusals.ts";
import { repeats } from "./repeats.ts";
import { roles } from "./roles.ts";
import { runs } from "./runs.ts";
import { spoilt } from "./spoilt.ts";
import { statements } from "./statements.ts";
import { statuses } from "./statuses.ts";
import { summary } from "./summary.ts";
import { tracing } from "./tracing.ts";
import { transactions } from "./transactions.ts";
import { tree } from "./tree.ts";
import { waits, waitTogether } from "./waits.ts";
import { watch, watchTogether } from "./watch.ts";
import { workstreams } from "./workstreams.ts";

interface Thoroughness {
  /** Whether several blackboards can open one database, which is impossible in memory. */
  shared: boolean;
  /** Whether slow tests run too; memory is SQLite as well, and the file engine runs them. */
  long: boolean;
}

export function behaviour(engine: Engine, { shared, long }: Thoroughness): void {
  describe(engine.name, () => {
    runs(engine);
    workstreams(engine);
    briefs(engine);
    statuses(engine);
    repeats(engine);
    events(engine);
    failures(engine);
    lifecycle(engine);
    claims(engine);
    queue(engine);
    dependencies(engine);
    backlog(engine);
    lists(engine);
    spoilt(engine);
    statements(engine);
    holding(engine);
    roles(engine);
    summary(engine);
    pages(engine);
    filters(engine);
    bounded(engine);
    tree(engine, { long });
    watch(engine);
    waits(engine);
    tracing(engine);
    inspection(engine);
    transactions(engine);
    jsonValues(engine);
    refusals(engine);
    hostileInput(engine);
    closing(engine);
    lifecyclePage(engine);
    if (long) properties(engine);
    if (long) claimsModel(engine);
    if (long && shared) listsModel(engine);
    if (shared) connections(engine);
    if (shared) watchTogether(engine);
    if (shared) waitTogether(engine);
  });
}
