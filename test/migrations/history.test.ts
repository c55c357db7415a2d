/**
 * Builds of different ages, and builds with conflicting histories, open one file: the error names the actual cause, and
 * nothing is written.
 */
import fc from "fast-check";
import { MigrationError, openBlackboard } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { compareHistory, type Migration } from "../../src/engine/history.ts";
import { migrateFile } from "../../src/sqlite/migrations/migrate.ts";
import { readStatus } from "../../src/sqlite/migrations/status.ts";
import { execute, migrateTo, newFile, opened, thrownBy, traceOf, written } from "./files.ts";
import { edited, followedBy, inserted, known, madeUp, oldest } from "./made-up.ts";

const three = followedBy(known, "CREATE TABLE three (n)");
const four = followedBy(three, "CREATE TABLE four (n)");
const five = followedBy(four, "ALTER TABLE briefs ADD COLUMN five TEXT; DROP TABLE workstreams; DROP TABLE three");
const last = four.length - 1;

/** A file that was migrated by a build with these migrations. */
function fileOf(list: readonly Migration[]): string {
  const file = written("webhook");
  migrateTo(file, list);
  return file;
}

const settings = { dryRun: false, backup: false, migrateTimeoutMs: 0 };
const ways: Readonly<Record<string, (file: string, list: readonly Migration[]) => unknown>> = {
  status: readStatus,
  open: (file, list) => opened(file, list),
  'open with migrate: "check"': (file, list) => opened(file, list, { mode: "check" }),
  migrate: (file, list) => migrateFile(file, list, settings),
  "migrate with a backup": (file, list) => migrateFile(file, list, { ...settings, backup: true }),
  "migrate with dryRun": (file, list) => migrateFile(file, list, { ...settings, dryRun: true }),
  // Last, because it may leave -shm and an empty -wal.
  "open with readonly": (file, list) => opened(file, list, { mode: "readonly" }),
};

/** Every way of opening the file in a build that knows `list` throws this error and leaves the file unchanged. */
function expectRefused(file: string, list: readonly Migration[], code: MigrationError["code"]): MigrationError {
  const before = traceOf(file);
  let refusal: MigrationError | undefined;
  for (const [way, call] of Object.entries(ways)) {
    const error = thrownBy(() => call(file, list));
    expect(error, way).toBeInstanceOf(MigrationError);
    expect(error, way).toMatchObject({ code, location: file });
    const after = traceOf(file);
    if (way.endsWith("readonly")) expect(after["blackboard.db"], way).toBe(before["blackboard.db"]);
    else expect(after, way).toEqual(before);
    refusal ??= error as MigrationError;
  }
  if (!refusal) throw new Error("no way was tried");
  return refusal;
}

describe("a file that is too new", () => {
  test("by one migration throws SCHEMA_TOO_NEW with the difference and the remedy", () => {
    const { message } = expectRefused(fileOf(four), three, "SCHEMA_TOO_NEW");
    expect(message).toMatch(/\b1 migration ahead\b/);
    expect(message).toMatch(/upgrade run-blackboard/i);
  });

  test("by several migrations reports their number", () => {
    expect(expectRefused(fileOf(five), known, "SCHEMA_TOO_NEW").message).toMatch(/\b3 migrations ahead\b/);
  });

  test("is not reported as unknown when the newer version changed and dropped tables", () => {
    expectRefused(fileOf(five), four, "SCHEMA_TOO_NEW");
    expectRefused(fileOf(five), oldest, "SCHEMA_TOO_NEW");
  });
});

describe("an applied migration whose text has changed", () => {
  test.each(four.map(({ tag }, index) => [tag, index] as const))(
    "throws MIGRATION_EDITED, which names it: %s",
    (tag, index) => {
      const error = expectRefused(fileOf(four), edited(four, index), "MIGRATION_EDITED");
      expect(error.migration).toBe(tag);
      expect(error.message).toContain(tag);
    },
  );

  test("throws MIGRATION_EDITED even when other migrations are pending", () => {
    expectRefused(fileOf(three), edited(four, 1), "MIGRATION_EDITED");
  });
});

describe("an applied migration that this version never had", () => {
  test("in the middle throws UNKNOWN_MIGRATION", () => {
    const file = fileOf(inserted(four, 2, "CREATE TABLE merged (n)"));
    expect(expectRefused(file, four, "UNKNOWN_MIGRATION").message).toMatch(/\d{4}-\d\d-\d\d/);
  });

  test("before the first one throws UNKNOWN_MIGRATION", () => {
    const file = fileOf(four);
    execute(file, "INSERT INTO __drizzle_migrations (hash, created_at) VALUES ('abc', 1)");
    expectRefused(file, four, "UNKNOWN_MIGRATION");
  });

  test("throws UNKNOWN_MIGRATION even when other migrations are pending", () => {
    expectRefused(fileOf(inserted(three, 2, "CREATE TABLE merged (n)")), four, "UNKNOWN_MIGRATION");
  });
});

describe("an unapplied migration that precedes an applied one", () => {
  test("throws MIGRATION_OUT_OF_ORDER, which names it, because drizzle would skip it silently", () => {
    const error = expectRefused(fileOf(four), inserted(four, 2, "CREATE TABLE merged (n)"), "MIGRATION_OUT_OF_ORDER");
    expect(error.migration).toBe("0000_merged");
  });

  test("throws MIGRATION_OUT_OF_ORDER even when other migrations are pending", () => {
    expectRefused(fileOf(three), inserted(four, 1, "CREATE TABLE merged (n)"), "MIGRATION_OUT_OF_ORDER");
  });
});

describe("the earliest of several faults is reported", () => {
  const merged = (list: readonly Migration[], index: number) => inserted(list, index, "CREATE TABLE merged (n)");
  const cases: [what: string, file: readonly Migration[], list: readonly Migration[], code: MigrationError["code"]][] =
    [
      ["edited, then too new", four, edited(three, 1), "MIGRATION_EDITED"],
      ["unknown, then too new", merged(four, 1), three, "UNKNOWN_MIGRATION"],
      ["out of order, then too new", four, merged(three, 1), "MIGRATION_OUT_OF_ORDER"],
      ["out of order, then edited", four, edited(merged(four, 1), 3), "MIGRATION_OUT_OF_ORDER"],
      ["edited, then out of order", four, merged(edited(four, 0), 2), "MIGRATION_EDITED"],
      ["unknown, then edited", merged(four, 1), edited(four, last), "UNKNOWN_MIGRATION"],
      ["edited, then unknown", merged(four, 2), edited(four, 1), "MIGRATION_EDITED"],
    ];
  test.each(cases)("%s", (_, file, list, code) => {
    expectRefused(fileOf(file), list, code);
  });
});

test("migrations that drizzle-kit recorded twice in a race do not prevent opening", () => {
  const file = fileOf(three);
  const twice = "INSERT INTO __drizzle_migrations (hash, created_at) SELECT hash, created_at FROM __drizzle_migrations";
  execute(file, "DROP INDEX __drizzle_migrations_once", twice);
  migrateTo(file, four);
  expect(readStatus(file, four)).toMatchObject({ state: "current", applied: four.map(({ tag }) => tag) });
});

describe("compareHistory", () => {
  const all = Array.from({ length: 8 }, (_, n) => madeUp(`m${n}`, 1000 * (n + 1), `-- ${n}`));
  const row = fc.record({ of: fc.nat(7), edited: fc.boolean(), shift: fc.constantFrom(0, 0, 0, 0, 500, -100_000) });

  test("reports the first difference of any two histories, or splits the list where the rows end", () => {
    const cases = fc.property(fc.subarray(all), fc.uniqueArray(row, { selector: ({ of }) => of }), (list, drawn) => {
      const rows = drawn.map(({ of, edited: other, shift }) => ({
        hash: other ? "edited" : (all[of]?.hash ?? ""),
        when: (all[of]?.when ?? 0) + shift,
      }));
      const sorted = rows.toSorted((a, b) => a.when - b.when);
      const first = sorted.findIndex(({ hash, when }, n) => when !== list[n]?.when || hash !== list[n]?.hash);
      const result = () => compareHistory(rows, list, "file");
      if (first < 0) {
        expect(result()).toEqual({ applied: list.slice(0, rows.length), pending: list.slice(rows.length) });
        return;
      }
      const [one, other] = [sorted[first]?.when ?? 0, list[first]?.when];
      const newer = one > (list.at(-1)?.when ?? 0);
      const expected =
        other === one
          ? "MIGRATION_EDITED"
          : other !== undefined && one > other
            ? "MIGRATION_OUT_OF_ORDER"
            : newer
              ? "SCHEMA_TOO_NEW"
              : "UNKNOWN_MIGRATION";
      expect(thrownBy(result)).toMatchObject({ code: expected });
    });
    fc.assert(cases, { numRuns: 2000 });
  });

  test("throws only MigrationError, for rows that drizzle-kit never writes as well", () => {
    const numbers = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(-(2 ** 63), 2 ** 63, Number.NaN));
    const rows = fc.array(fc.record({ hash: fc.string(), when: numbers }), { minLength: 1 });
    fc.assert(
      fc.property(rows, (drawn) => {
        expect(thrownBy(() => compareHistory(drawn, all, "file"))).toBeInstanceOf(MigrationError);
      }),
      { numRuns: 500 },
    );
  });
});

test.each(["-9223372036854775807", "NULL", "'yesterday'", "1e300", "x'00'", "-1"])(
  "a migration row with %s as its time is rejected like any other unknown row",
  (when) => {
    const file = fileOf(three);
    execute(
      file,
      "DROP INDEX __drizzle_migrations_once",
      `INSERT INTO __drizzle_migrations (hash, created_at) VALUES ('abc', ${when})`,
    );
    const before = traceOf(file);
    expect(thrownBy(() => opened(file, three))).toMatchObject({
      code: expect.stringMatching(/^(UNKNOWN_MIGRATION|SCHEMA_TOO_NEW)$/),
    });
    expect(traceOf(file)).toEqual(before);
  },
);

test("MIGRATION_PENDING names the first missing migration of a new file, a reference's file and an older file", () => {
  const older = written("webhook");
  migrateTo(older, known.slice(0, 2));
  for (const [file, first] of [[newFile(), 0] as const, [written("webhook"), 0] as const, [older, 2] as const]) {
    const error = thrownBy(() => openBlackboard({ runId: "webhook", file, migrate: "check" }));
    expect(error).toMatchObject({ code: "MIGRATION_PENDING", migration: known[first]?.tag });
  }
});
