/**
 * heavy OPERATION FROM [TO]: runs the operation on the run `r` of a file or server, and prints its result, then the
 * peak memory of the process in MB.
 */
import { createReadStream } from "node:fs";
import {
  type Blackboard,
  copyRun,
  exportRun,
  getTreeOutline,
  importRun,
  listBriefOutlines,
  type Mode,
  openBlackboard,
  readBriefs,
  readEvents,
} from "run-blackboard";
import { openPostgresBlackboard, postgresRun } from "run-blackboard/postgres";
import { say } from "../../processes/programs/talk.ts";

const [operation = "", from = "", to = ""] = process.argv.slice(2);

const placeOf = (where: string) =>
  where.startsWith("postgres") ? postgresRun({ runId: "r", connection: where }) : { file: where, runId: "r" };
const opened = (where: string): Promise<Blackboard<Mode>> | Blackboard<Mode> =>
  where.startsWith("postgres")
    ? openPostgresBlackboard({ runId: "r", connection: where })
    : openBlackboard({ runId: "r", file: where });

async function onBoard<T>(work: (board: Blackboard<Mode>) => Promise<T>): Promise<T> {
  const board = await opened(from);
  try {
    return await work(board);
  } finally {
    await board.close();
  }
}

const operations: Record<string, () => Promise<string>> = {
  export: async () => {
    let lines = 0;
    for await (const piece of exportRun(placeOf(from))) lines += piece.split("\n").length - 1;
    return `${lines} lines`;
  },
  import: async () => {
    const { briefs, events } = await importRun(createReadStream(from), placeOf(to));
    return `${briefs} briefs, ${events} events`;
  },
  copy: async () => {
    const { briefs, events } = await copyRun(placeOf(from), placeOf(to));
    return `${briefs} briefs, ${events} events`;
  },
  watch: () =>
    onBoard(async (board) => {
      let events = 0;
      const { lastSeq } = await board.getRunSummary();
      for await (const { seq } of board.watchEvents()) {
        events++;
        if (seq === lastSeq) break;
      }
      return `${events} events`;
    }),
  leaf: () =>
    onBoard(async (board) => {
      const { roots } = await board.getBriefTree("small/1");
      return `${roots.length} root, payload ${JSON.stringify(roots[0]?.brief.payload)}`;
    }),
  outline: () =>
    onBoard(async (board) => {
      const { roots } = await getTreeOutline(board);
      const { items } = await listBriefOutlines(board, { limit: 1000 });
      return `${roots.length} roots, ${items.length} briefs`;
    }),
  pages: () =>
    onBoard(async (board) => {
      const { items } = await listBriefOutlines(board, { limit: 1000 });
      let briefs = 0;
      for await (const page of readBriefs(
        board,
        items.map(({ briefId }) => briefId),
      ))
        briefs += page.length;
      let events = 0;
      for await (const page of readEvents(board, { kinds: ["failed"] })) events += page.length;
      return `${briefs} briefs, ${events} events`;
    }),
};

say((await operations[operation]?.()) ?? "no such operation");
say(String(Math.round(process.resourceUsage().maxRSS / 1000)));
