/** SQLite as the suite sees it: a file in a folder of its own, or memory. */
import { join } from "node:path";
import Database from "better-sqlite3";
import { openBlackboard } from "run-blackboard";
import { onTestFinished } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import type { Engine, Row } from "./engine.ts";

/** A second connection to a file, as another program has one. */
export function connectTo(file: string): Database.Database {
  const client = new Database(file);
  onTestFinished(() => void client.close());
  return client;
}

/** Opens a blackboard that is closed when the test is over. */
export const open: typeof openBlackboard = (options) => {
  const board = openBlackboard(options);
  onTestFinished(() => board.close());
  return board;
};

/** Its commits don't wait for the disk: what the suite says of SQLite has to do with meaning, and power does not fail here. */
export const sqliteFile: Engine = {
  name: "SQLite in a file",
  async place() {
    const file = join(temporaryFolder(), "blackboard.db");
    let client: Database.Database | undefined;
    return {
      open: async (options) => open({ ...options, file, synchronous: "normal" }),
      async sql(text) {
        client ??= connectTo(file);
        return rowsOf(client, text);
      },
    };
  },
};

/** Each blackboard is a database of its own; plain SQL goes to the one opened last. */
export const sqliteMemory: Engine = {
  name: "SQLite in memory",
  async place() {
    let client: Database.Database | undefined;
    return {
      async open(options) {
        const board = open({ ...options, file: ":memory:" });
        client = board.drizzle.$client;
        return board;
      },
      async sql(text) {
        if (!client) throw new Error("Nothing is open here yet.");
        return rowsOf(client, text);
      },
    };
  },
};

export function rowsOf(client: Database.Database, text: string): Row[] {
  const statement = client.prepare<[], Row>(text);
  if (statement.reader) return statement.all();
  statement.run();
  return [];
}
