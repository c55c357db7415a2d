/**
 * `npm run db:generate -- --name what_it_does`, and `db:custom` for SQL written by hand, for both engines or with `--engine`
 * for one: drizzle-kit writes the files, then the embedded modules and the dump of the schema are made anew.
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
  console.error("Give the migration a name that says what it does: -- --name claims");
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
