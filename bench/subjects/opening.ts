/** Opening and closing a current file and a new one. */
import { openBlackboard } from "run-blackboard";
import { openRaw, runId, type Sites } from "../sites.ts";
import { calling, type Subject, writing } from "../subject.ts";

/** Returns the statements that create the current schema, without the intermediate steps of the migrations. */
function schemaOf(sites: Sites): string {
  const statements = sites
    .raw()
    .prepare<[], string>(
      "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )
    .pluck()
    .all();
  return `BEGIN IMMEDIATE; ${statements.join("; ")}; COMMIT`;
}

export const opening: Subject = {
  name: "opening",
  lines: [
    {
      name: "open and close, a current file",
      levels: writing,
      sides(sites) {
        const { level } = sites;
        const [file, rawFile] = [sites.seeded(), sites.seeded()];
        return {
          ours: calling(() => openBlackboard({ runId, file, synchronous: level }).close()),
          raw: calling(() => {
            openRaw(rawFile, level).close();
          }),
        };
      },
    },
    {
      name: "open and close, a new file",
      levels: writing,
      sides(sites) {
        const { level } = sites;
        const schema = schemaOf(sites);
        return {
          ours: calling(() => openBlackboard({ runId, file: sites.newFile(), synchronous: level }).close()),
          raw: calling(() => {
            const db = openRaw(sites.newFile(), level);
            db.exec(schema);
            db.close();
          }),
        };
      },
    },
  ],
};
