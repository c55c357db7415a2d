/**
 * import ROOT|URL COUNT [FILE]: imports its input line by line, or a file; prints a line when it has read COUNT chunks.
 */
import { createReadStream } from "node:fs";
import { importRun } from "run-blackboard";
import { postgresRun } from "run-blackboard/postgres";
import { heard, say } from "../../processes/programs/talk.ts";

const [where = "", count, file] = process.argv.slice(2);

async function* asked() {
  let asked = 0;
  for await (const line of file === undefined ? heard() : createReadStream(file, { encoding: "utf8" })) {
    if (++asked === Number(count)) say("enough");
    yield file === undefined ? `${line}\n` : line;
  }
}

await importRun(asked(), where.startsWith("postgresql:") ? postgresRun({ connection: where }) : { root: where });
say("done");
