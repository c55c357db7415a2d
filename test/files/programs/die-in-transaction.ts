/**
 * die-in-transaction FILE: leaves WAL mode, begins a transaction too large for the cache, and waits to be killed in it.
 */
import Database from "better-sqlite3";
import { heard, say } from "../../processes/programs/talk.ts";

const client = new Database(process.argv[2]);
client.exec("PRAGMA journal_mode = DELETE; PRAGMA cache_size = 5; BEGIN");
const insert = client.prepare(
  "INSERT INTO briefs (brief_id, run_id, tier, role, status, created_at, updated_at, payload) VALUES (?, 'r', 1, 'x', 'pending', '', '', ?)",
);
for (let n = 0; n < 200; n++) insert.run(`b-${n}`, JSON.stringify({ text: "x".repeat(2000) }));
say("dirty");
for await (const _ of heard());
