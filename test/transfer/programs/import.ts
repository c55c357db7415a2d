/**
 * import ROOT|URL [FILE]: imports what the test says line by line, or a file; a line for each piece that it has asked for.
 */
import { createReadStream } from "node:fs";
import { importRun } from "run-blackboard";
import { postgresRun } from "run-blackboard/postgres";
import { heard, say } from "../../processes/programs/talk.ts";

const [where = "", file] = process.argv.slice(2);

async function* asked() {
  let asked = 0;
  for await (const line of file === undefined ? heard() : createReadStream(file, { encoding: "utf8" })) {
    say(`piece ${++asked}`);
    yield file === undefined ? `${line}\n` : line;
  }
}

await importRun(asked(), where.startsWith("postgresql:") ? postgresRun({ connection: where }) : { root: where });
say("done");
