/**
 * Embeds each folder's migrations in a module, so that the package reads no files at run time and can be bundled. SQLite's
 * module also contains the resulting schema, which every open compares with the file's schema. With `--check`, writes nothing
 * and fails if a module differs from its folder.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readMigrationFiles } from "drizzle-orm/migrator";
import type { Migration } from "../src/engine/history.ts";
import { madeObjects, replay } from "../src/sqlite/migrations/schema.ts";

const project = fileURLToPath(new URL("..", import.meta.url));
const checking = process.argv.includes("--check");

const modules = {
  sqlite: "src/sqlite/migrations/embedded.sqlite.ts",
  postgres: "src/postgres/embedded.postgres.ts",
};

for (const [engine, path] of Object.entries(modules)) {
  const text = embedded(join(project, "migrations", engine), engine);
  if (checking) {
    if (readFileSync(join(project, path), "utf8") !== text) {
      throw new Error(`${path} does not match migrations/${engine}. Run npm run db:embed and commit the result.`);
    }
    console.log(`${path} matches migrations/${engine}.`);
  } else {
    writeFileSync(join(project, path), text);
  }
}

function embedded(folder: string, engine: string): string {
  const migrations = read(folder);
  const isSqlite = engine === "sqlite";
  return (
    `// Made from migrations/${engine} by npm run db:embed. Do not edit.\n` +
    `import type { Migration } from "${isSqlite ? "../../" : "../"}engine/history.ts";\n` +
    (isSqlite ? `import type { MadeObject } from "./schema.ts";\n` : "") +
    `\nexport const migrations: readonly Migration[] = [\n${migrations.map(migrationText).join("")}];\n` +
    (isSqlite ? `\n${schemaText(migrations)}` : "")
  );
}

/** Reads a folder through Drizzle, so that order, times and hashes equal those of its own migrator. */
function read(folder: string): Migration[] {
  const journal: { entries: { tag: string }[] } = JSON.parse(readFileSync(join(folder, "meta/_journal.json"), "utf8"));
  return readMigrationFiles({ migrationsFolder: folder }).map(({ folderMillis, hash }, index) => {
    const tag = journal.entries[index]?.tag ?? "";
    return { tag, when: folderMillis, hash, sql: readFileSync(join(folder, `${tag}.sql`), "utf8") };
  });
}

function migrationText({ tag, when, hash, sql }: Migration): string {
  return `  {\n    tag: ${JSON.stringify(tag)},\n    when: ${when},\n    hash: ${JSON.stringify(hash)},\n    sql: ${template(sql)},\n  },\n`;
}

function schemaText(migrations: readonly Migration[]): string {
  const model = replay(migrations);
  const objects = madeObjects(model).map(
    ({ type, name, table, sql, lines }) =>
      `  {\n    type: ${JSON.stringify(type)},\n    name: ${JSON.stringify(name)},\n    table: ${JSON.stringify(table)},\n` +
      `    sql: ${template(sql)},\n    lines: [${lines.map((line) => `\n      ${JSON.stringify(line)},`).join("")}${lines.length > 0 ? "\n    " : ""}],\n  },\n`,
  );
  model.close();
  return `/** What all of them make, in this order. */\nexport const schema: readonly MadeObject[] = [\n${objects.join("")}];\n`;
}

function template(text: string): string {
  return `\`${text.replace(/[\\`]|\$(?=\{)/g, "\\$&")}\``;
}
