import { sqliteFile } from "./sqlite.ts";
import { behaviour } from "./suite.ts";

behaviour(sqliteFile, { shared: true, long: true });
