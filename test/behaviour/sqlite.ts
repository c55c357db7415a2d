/** SQLite for the suite: a file in a folder per test, or memory. */
import { join } from "node:path";
import Database from "better-sqlite3";
import { openBlackboard } from "run-blackboard";
import { onTestFinished } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import type { Engine, Row } from "./engine.ts";

/** A second connection to a file, like another program's. */
export function connectTo(file: string): Database.Database {
  const client = new Database(file);
  onTestFinished(() => void client.close());
  return client;
}

/** Opens a blackboard that is closed after the test. */
export const open: typeof openBlackboard = (options) => {
  const board = openBlackboard(options);
  onTestFinished(() => board.close());
  return board;
};

/** Commits don't wait for the disk: the suite tests semantics, and no power failure occurs here. */
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

/** Each blackboard is a separate database; plain SQL goes to the one opened last. */
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
