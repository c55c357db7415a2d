/**
 * `npm run db:generate -- --name what_it_does`, or `db:custom` for hand-written SQL: runs drizzle-kit for both engines, or for
 * one with `--engine`, then regenerates the embedded modules and the schema dump.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const cwd = fileURLToPath(new URL("..", import.meta.url));
const configs = { sqlite: "drizzle.config.ts", postgres: "drizzle.postgres.config.ts" };
const { values } = parseArgs({
  options: { name: { type: "string" }, custom: { type: "boolean" }, engine: { type: "string" } },
});

if (values.name === undefined) {
  console.error("Specify a name that describes the migration: -- --name claims");
  process.exit(1);
}
for (const [engine, config] of Object.entries(configs)) {
  if (values.engine !== undefined && values.engine !== engine) continue;
  const words = ["generate", "--config", config, "--name", values.name, ...(values.custom ? ["--custom"] : [])];
  execFileSync("node_modules/.bin/drizzle-kit", words, { cwd, stdio: "inherit" });
}
for (const words of [["migrations/embed.ts"], ["migrations/check.ts", "--write"]]) {
  execFileSync(process.execPath, ["--import", "tsx", ...words], { cwd, stdio: "inherit" });
}
