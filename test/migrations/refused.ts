/** Checks that every function that opens a file rejects it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  backupBlackboard,
  MigrationError,
  migrateBlackboard,
  migrationStatus,
  openBlackboard,
  viewBlackboard,
} from "run-blackboard";
import { expect } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import { sha256, thrownBy, traceOf } from "./files.ts";

export const ways: Readonly<Record<string, (file: string) => unknown>> = {
  migrationStatus: (file) => migrationStatus({ file }),
  openBlackboard: (file) => openBlackboard({ runId: "r", file }),
  'openBlackboard with migrate: "check"': (file) => openBlackboard({ runId: "r", file, migrate: "check" }),
  "openBlackboard with create: false": (file) => openBlackboard({ runId: "r", file, create: false }),
  migrateBlackboard: (file) => migrateBlackboard({ file }),
  "migrateBlackboard with dryRun": (file) => migrateBlackboard({ file, dryRun: true }),
  "migrateBlackboard with backup": (file) => migrateBlackboard({ file, backup: true }),
  viewBlackboard: (file) => viewBlackboard({ file }),
  // Last, because they may leave -shm and an empty -wal.
  "backupBlackboard, which is readonly": (file) => backupBlackboard({ file }, join(temporaryFolder(), "backup.db")),
  "openBlackboard with readonly": (file) => openBlackboard({ runId: "r", file, readonly: true }),
};

/** Every function throws the same error, with this among its differences, and leaves the file unchanged. */
export function expectRefused(file: string, code: MigrationError["code"], difference?: RegExp): MigrationError {
  const before = traceOf(file);
  const bytes = sha256(readFileSync(file));
  const errors = Object.entries(ways).map(([way, call]) => {
    const error = thrownBy(() => call(file));
    expect(error, way).toBeInstanceOf(MigrationError);
    expect(error, way).toMatchObject({ code, location: file });
    if (way.endsWith("readonly")) expect(sha256(readFileSync(file)), way).toBe(bytes);
    else expect(traceOf(file), way).toEqual(before);
    return error as MigrationError;
  });
  const [error] = errors;
  if (!error) throw new Error("no way was tried");
  expect(error.message).toContain(file);
  if (difference) {
    expect(error.differences?.join("\n")).toMatch(difference);
    expect(error.message).toContain(error.differences?.[0]);
  }
  return error;
}
