/**
 * `grants`: prints SQL for an application role of a PostgreSQL schema.
 */
import { Command } from "commander";
import type { PostgresGrantOptions } from "../postgres.ts";
import { importPostgres } from "./imports.ts";
import { print, printJson } from "./output.ts";

export function grantsCommand(): Command {
  return new Command("grants")
    .requiredOption("--role <name>", "role of the application, as PostgreSQL stores its name")
    .option("--schema <name>", 'schema with the tables (default: "run_blackboard")')
    .option("--prune", "the role may also delete runs")
    .option("--json", "print JSON instead of text")
    .description("prints the SQL that grants a PostgreSQL role all but migrating; connects to no database")
    .addHelpText(
      "after",
      `
The owner of the schema runs the SQL after migrating, and again after migrating to a newer version.

JSON: { sql }

Examples:
  run-blackboard migrate --postgres postgresql://owner@db/agents
  run-blackboard grants --role app | psql postgresql://owner@db/agents
  run-blackboard grants --role app --schema team_a --prune`,
    )
    .action(async ({ json, ...options }: PostgresGrantOptions & { json?: boolean }) => {
      const sql = (await importPostgres()).postgresGrants(options);
      await (json ? printJson({ sql }) : print(sql));
    });
}
