/** A schema that pg_dump wrote and another database restored. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import {
  openPostgresBlackboard,
  postgresGrants,
  postgresMigrationStatus,
  verifyPostgresBlackboard,
} from "run-blackboard/postgres";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import { freshDatabase, freshRole, hasServer, open, openRun, type Schema } from "./fresh.ts";

const brief = { tier: 0, role: "coder" };

/** The server's own version of pg_dump is not among the programs that npm's packages carry. */
function run(program: string, { url }: Pick<Schema, "url">, ...words: string[]): void {
  const server = new URL(url);
  server.searchParams.delete("schema");
  execFileSync(program, ["--dbname", server.href, ...words], { stdio: ["ignore", "ignore", "inherit"] });
}

const ways: [string, (from: Schema, to: Schema) => void][] = [
  [
    "as SQL, restored by psql",
    (from, to) => {
      const file = join(temporaryFolder(), "dump.sql");
      run("pg_dump", from, "--schema", "run_blackboard", "--file", file);
      run("psql", to, "--quiet", "--set", "ON_ERROR_STOP=1", "--single-transaction", "--file", file);
    },
  ],
  [
    "in the custom format, restored by two jobs",
    (from, to) => {
      const file = join(temporaryFolder(), "dump");
      run("pg_dump", from, "--schema", "run_blackboard", "--format", "custom", "--file", file);
      run("pg_restore", to, "--exit-on-error", "--jobs", "2", file);
    },
  ],
];

describe.skipIf(!hasServer || process.env.RUN_BLACKBOARD_POSTGRES_BIN)("a schema dumped with pg_dump", () => {
  test.each(ways)("works in another database, and goes on where it was: %s", async (_, move) => {
    const from = await freshDatabase();
    const to = await freshDatabase();
    const role = `app_${from.name}`;
    const url = await freshRole(from, role);
    const board = await openRun(from);
    await from.sql(postgresGrants({ role }));
    await board.spawnBrief({ briefId: "a", payload: { text: "naïve 🐙" }, ...brief });
    await board.spawnBrief({ briefId: "b", after: ["a"], ...brief });
    await board.spawnBrief({ briefId: "c", ...brief });
    const claim = await board.claimBrief({ agentId: "agent", leaseMs: 600_000 });
    if (!claim) throw new Error("nothing to claim");
    const before = [await board.listBriefs(), await board.listEvents(), await board.getRunSummary()];

    move(from, to);
    expect(await postgresMigrationStatus({ connection: to.url })).toMatchObject({ state: "current" });
    const restored = await open(to, { migrate: "check" });
    expect([await restored.listBriefs(), await restored.listEvents(), await restored.getRunSummary()]).toEqual(before);
    expect(await verifyPostgresBlackboard({ connection: to.url })).toMatchObject({ problems: [] });
    // By the role, whose grants were dumped too, with the claim from before.
    const pathname = new URL(to.url).pathname;
    await using app = await openPostgresBlackboard({
      runId: "run-1",
      connection: Object.assign(new URL(url), { pathname }).href,
    });
    await app.completeBrief(claim, {});
    expect(await app.getBrief("b")).toMatchObject({ waitsFor: 0 });
    expect(await app.getRunSummary()).toMatchObject({ lastSeq: 4, briefs: { done: 1, pending: 2 } });
    await to.sql(`DROP OWNED BY ${role}`);
  });
});
