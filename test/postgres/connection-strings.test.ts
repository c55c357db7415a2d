/** Connection strings that can't be used: the real reason, and no password in any text. */
import { inspect } from "node:util";
import {
  backupBlackboard,
  exportRun,
  InvalidInputError,
  listRuns,
  migrationStatus,
  openBlackboard,
  pruneRuns,
  restoreBlackboard,
} from "run-blackboard";
import { openPostgresBlackboard, postgresMigrationStatus, postgresRun } from "run-blackboard/postgres";
import { describe, expect, test } from "vitest";
import { caught } from "../behaviour/engine.ts";
import { run } from "../cli/command.ts";

const secret = "S3cr3t";

const unusable: [given: string, reason: string][] = [
  [`host=db user=app password=${secret} dbname=agents`, "keywords"],
  [`password='${secret}' host='db'`, "keywords"],
  [`"postgresql://app:${secret}@db/agents"`, "quotes"],
  [`'postgresql://app:${secret}@db/agents'`, "quotes"],
  [`psql 'postgresql://app:${secret}@db/agents'`, "command"],
  [`psql postgresql://app:${secret}@db/agents`, "command"],
  [`PGPASSWORD=${secret} psql -h db agents`, "command"],
  [`pg_dump -d postgresql://app:${secret}@db/agents`, "command"],
  [`DATABASE_URL=postgresql://app:${secret}@db/agents`, "variable"],
  [`jdbc:postgresql://db/agents?user=app&password=${secret}`, "postgresql://"],
  [`mysql://app:${secret}@db/agents`, "postgresql://"],
  [`app:${secret}@db/agents`, "postgresql://"],
  [`postgresql://app:${secret}/x@db/agents`, "%2F"],
  [`postgresql://app:12#${secret}@db/agents`, "%23"],
  [`postgresql://app:12?${secret}@db/agents`, "%3F"],
  [`postgresql://app:12/${secret}@db/agents`, "%2F"],
  [`postgresql://app:${secret}@db:port/agents`, "not a URL"],
  [`postgresql://app:${secret}@db/agents?sslrootcert=/nowhere/root.crt`, '"/nowhere/root.crt" (ENOENT)'],
  [`postgresql://app:${secret}@db/agents?sslkey=/nowhere/key.pem`, '"/nowhere/key.pem" (ENOENT)'],
  [`postgresql://app:${secret}@db/agents?sslrootcert=/`, "sslrootcert"],
];

/** Every text that an error has, its causes included. */
const textsOf = (error: unknown) => [
  String(error),
  inspect(error, { depth: 9, showHidden: true }),
  JSON.stringify(error),
];

describe("a connection string that can't be used", () => {
  test.each(unusable)("is refused for its reason, and its password is not shown: %s", async (connection, reason) => {
    const calls: (() => Promise<unknown>)[] = [
      () => openPostgresBlackboard({ runId: "r", connection }),
      () => postgresMigrationStatus({ connection }),
      () => postgresRun({ connection }).open(),
    ];
    for (const call of calls) {
      const error = await caught(InvalidInputError, call);
      expect(error.issues).toMatchObject([{ path: "connection" }]);
      expect(error.message).toContain(reason);
      for (const text of textsOf(error)) expect(text).not.toContain(secret);
    }
  });

  test("as the option of the command is not shown", () => {
    for (const words of [["runs"], ["runs", "--json"], ["status"], ["summary"]]) {
      const { code, stdout, stderr } = run([...words, "--postgres", `host=db password=${secret}`]);
      expect(code).toBe(2);
      expect(stderr).toContain("keywords");
      expect(stdout + stderr).not.toContain(secret);
    }
  });
});

describe("a connection string in another place", () => {
  const strings = [
    `postgresql://app:${secret}@db/agents`,
    `host=db password=${secret}`,
    `psql 'postgresql://app:${secret}@db/agents'`,
    `mysql://app:${secret}@db/agents`,
  ];
  test.each(strings)("of the library is refused, and not shown: %s", async (given) => {
    const calls: (() => unknown)[] = [
      () => openBlackboard({ runId: given }),
      () => openBlackboard({ runId: "r", file: given }),
      () => openBlackboard({ runId: "r", root: given }),
      () => listRuns({ root: given }),
      () => pruneRuns({ root: given, olderThanMs: 0 }),
      () => exportRun({ file: given }),
      () => backupBlackboard({ file: "some.db" }, given),
      () => restoreBlackboard(given, { file: "some.db" }),
      () => migrationStatus({ file: given }),
      () => openPostgresBlackboard({ runId: given, connection: "postgresql://localhost:1/db" }),
      () => openPostgresBlackboard({ runId: "r", schema: given, connection: "postgresql://localhost:1/db" }),
    ];
    for (const call of calls) {
      const error = await caught(InvalidInputError, async () => await call());
      for (const text of textsOf(error)) expect(text).not.toContain(secret);
    }
  });

  const places: ((given: string) => string[])[] = [
    (given) => [given],
    (given) => ["status", given],
    (given) => ["summary", given, "--json"],
    (given) => ["briefs", "run", "--run", given],
    (given) => ["runs", "--root", given],
    (given) => ["runs", `--postgre=${given}`],
    (given) => ["export", "run", "-o", given],
    (given) => ["import", given],
    (given) => ["copy", "run", "--to-file", given],
    (given) => ["restore", given, "run"],
    (given) => ["retry", "run", given],
  ];
  test.each(places.map((words) => ({ words, shown: words("…").join(" ") })))(
    "of the command is refused, and not shown: $shown",
    ({ words }) => {
      for (const given of strings.slice(0, 2)) {
        const { code, stdout, stderr } = run(words(given));
        expect(code).not.toBe(0);
        expect(stdout + stderr).not.toContain(secret);
        expect(stderr).toContain("--postgres");
      }
    },
  );
});
