/** Hostile arguments of the functions for servers: an error with a code and a short message. */

import { copyRun } from "run-blackboard";
import {
  listPostgresRuns,
  migratePostgresBlackboard,
  openPostgresBlackboard,
  postgresMigrationStatus,
  postgresRun,
  prunePostgresRuns,
  verifyPostgresBlackboard,
  viewPostgresBlackboard,
} from "run-blackboard/postgres";
import { describe, expect, test } from "vitest";
import { requireCoded } from "../behaviour/hostile.ts";
import { hostile } from "../input/hostile.ts";

const functions: [string, (options: never) => unknown][] = [
  ["openPostgresBlackboard", (options) => openPostgresBlackboard(options)],
  ["postgresRun", (options) => copyRun(postgresRun(options), postgresRun(options))],
  ["prunePostgresRuns", (options) => prunePostgresRuns(options)],
  ["viewPostgresBlackboard", (options) => viewPostgresBlackboard(options)],
  ["listPostgresRuns", (options) => listPostgresRuns(options)],
  ["postgresMigrationStatus", (options) => postgresMigrationStatus(options)],
  ["migratePostgresBlackboard", (options) => migratePostgresBlackboard(options)],
  ["verifyPostgresBlackboard", (options) => verifyPostgresBlackboard(options)],
];

const plain: [string, () => unknown][] = [
  ["a number", () => 42],
  ["null", () => null],
  ["{}", () => ({})],
  ["an object that could be a pool", () => ({ connect: () => undefined, options: {} })],
  ["an object with what a pool has, none of it right", () => ({ connect: 1, options: 2, on: 3, removeListener: 4 })],
];

describe.each(functions)("%s rejects hostile values", (name, call) => {
  test("as its options", async () => {
    for (const [what, make] of [...hostile, ...plain]) {
      await expect(
        requireCoded(() => call(make() as never)),
        what,
      ).resolves.toBeUndefined();
    }
  });

  test("as its connection", async () => {
    for (const [what, make] of [...hostile, ...plain]) {
      const connection = make();
      // A text may be a connection string, and a host of that name would be looked up.
      if (typeof connection === "string") continue;
      const options = name === "openPostgresBlackboard" ? { runId: "r", connection } : { connection };
      await expect(
        requireCoded(() => call(options as never)),
        what,
      ).resolves.toBeUndefined();
    }
  });
});
