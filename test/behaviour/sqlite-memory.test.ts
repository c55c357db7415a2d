import { sqliteMemory } from "./sqlite.ts";
import { behaviour } from "./suite.ts";

behaviour(sqliteMemory, { shared: false, long: false });
