/**
 * Writes the migrations of a folder into a module, so that the package needs no files at run time: it works installed,
 * bundled and from any directory. With `--check` writes nothing and fails when module and folder differ.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readMigrationFiles } from "drizzle-orm/migrator";

const project = fileURLToPath(new URL("..", import.meta.url));
const checking = process.argv.includes("--check");

for (const engine of ["sqlite", "postgres"]) {
  const path = `src/migrations/embedded.${engine}.ts`;
  const text = embedded(join(project, "migrations", engine), engine);
  if (checking) {
    if (readFileSync(join(project, path), "utf8") !== text) {
      throw new Error(`${path} is not what migrations/${engine} says. Run npm run db:embed and commit it.`);
    }
    console.log(`${path} agrees with migrations/${engine}.`);
  } else {
    writeFileSync(join(project, path), text);
  }
}

/** Order, times and hashes are Drizzle's own, so that its rows in the journal table are too. */
function embedded(folder: string, engine: string): string {
  const journal: { entries: { tag: string }[] } = JSON.parse(readFileSync(join(folder, "meta/_journal.json"), "utf8"));
  const migrations = readMigrationFiles({ migrationsFolder: folder }).map(({ folderMillis, hash }, index) => {
    const tag = journal.entries[index]?.tag;
    const sql = readFileSync(join(folder, `${tag}.sql`), "utf8");
    return `  {\n    tag: ${JSON.stringify(tag)},\n    when: ${folderMillis},\n    hash: ${JSON.stringify(hash)},\n    sql: ${template(sql)},\n  },\n`;
  });
  return (
    `// Made from migrations/${engine} by npm run db:embed. Do not edit.\n` +
    `import type { Migration } from "./history.ts";\n\n` +
    `export const migrations: readonly Migration[] = [\n${migrations.join("")}];\n`
  );
}

function template(text: string): string {
  return `\`${text.replace(/[\\`]|\$(?=\{)/g, "\\$&")}\``;
}
