/** What a blackboard promises, on every engine. */
import { describe } from "vitest";
import { briefs } from "./briefs.ts";
import { closing } from "./closing.ts";
import { connections } from "./connections.ts";
import type { Engine } from "./engine.ts";
import { events } from "./events.ts";
import { jsonValues } from "./json-values.ts";
import { lifecyclePage } from "./lifecycle-page.ts";
import { pages } from "./pages.ts";
import { properties } from "./properties.ts";
import { refusals } from "./refusals.ts";
import { repeats } from "./repeats.ts";
import { runs } from "./runs.ts";
import { statuses } from "./statuses.ts";
import { summary } from "./summary.ts";
import { transactions } from "./transactions.ts";
import { tree } from "./tree.ts";
import { watch, watchTogether } from "./watch.ts";
import { workstreams } from "./workstreams.ts";

/** `shared`: whether several blackboards can be open on one database, as they can't in memory. */
export function behaviour(engine: Engine, { shared }: { shared: boolean }): void {
  describe(engine.name, () => {
    runs(engine);
    workstreams(engine);
    briefs(engine);
    statuses(engine);
    repeats(engine);
    events(engine);
    summary(engine);
    pages(engine);
    tree(engine);
    watch(engine);
    transactions(engine);
    jsonValues(engine);
    refusals(engine);
    closing(engine);
    lifecyclePage(engine);
    properties(engine);
    if (shared) connections(engine);
    if (shared) watchTogether(engine);
  });
}
