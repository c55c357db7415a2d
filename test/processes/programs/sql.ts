/** sql FILE: another program on the same file; runs each input line as SQL and prints `done`. */
import Database from "better-sqlite3";
import { heard, say } from "./talk.ts";

const database = new Database(process.argv[2]);
for await (const sql of heard()) {
  database.exec(sql);
  say("done");
}
