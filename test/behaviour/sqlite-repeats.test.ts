/** A creation that is repeated commits nothing: neither the file nor its WAL changes. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { ConflictError } from "run-blackboard";
import { expect, test } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import { caught } from "./engine.ts";
import { connectTo, open } from "./sqlite.ts";

/** A run with a row of each kind, and a second run in the same file. */
function openTwo() {
  const file = join(temporaryFolder(), "blackboard.db");
  const [board, second] = [open({ runId: "one", file }), open({ runId: "two", file })];
  for (const [, create] of creations) create(board);
  second.createRun("another goal");
  const other = connectTo(file);
  /** What a commit changes, and the next event's number. */
  const trace = () => ({
    files: ["", "-wal"].map((suffix) => {
      const { size, mtimeNs } = statSync(`${file}${suffix}`, { bigint: true });
      return { size, mtimeNs };
    }),
    changes: [board, second].map(({ drizzle }) => drizzle.$client.prepare("SELECT total_changes()").pluck().get()),
    version: other.pragma("data_version", { simple: true }),
    sequence: other.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'events'").pluck().get(),
  });
  return { board, second, trace };
}

const brief = { tier: 0, role: "coder", payload: { a: 1 } };
type Creator = Pick<
  ReturnType<typeof open>,
  "createRun" | "createWorkstream" | "createBrief" | "spawnBrief" | "logEvent"
>;
const creations: [name: string, create: (board: Creator) => unknown][] = [
  ["createRun", (board) => board.createRun("a goal")],
  ["createWorkstream", (board) => board.createWorkstream({ workstreamId: "w", name: "api", tier: 0 })],
  ["createBrief", (board) => board.createBrief({ briefId: "created", workstreamId: "w", ...brief })],
  ["createBrief with dependencies", (board) => board.createBrief({ briefId: "later", after: ["created"], ...brief })],
  ["spawnBrief", (board) => board.spawnBrief({ briefId: "spawned", parentBriefId: "created", ...brief }, { by: "a" })],
  ["logEvent", (board) => board.logEvent("failed", { eventId: "e", detail: { a: 1 } })],
  ["logEvent of a brief", (board) => board.logEvent("failed", { eventId: "of a brief", briefId: "created" })],
];

test.each(creations)("%s again writes nothing, also in a transaction", (_, create) => {
  const { board, trace } = openTwo();
  const before = trace();
  create(board);
  board.transaction((tx) => void create(tx));
  expect(trace()).toEqual(before);
});

test("an id that is taken writes nothing, whichever run has it", async () => {
  const { board, second, trace } = openTwo();
  const before = trace();
  await caught(ConflictError, () => board.logEvent("failed", { eventId: "e", detail: { a: 2 } }));
  await caught(ConflictError, () => second.logEvent("failed", { eventId: "e", detail: { a: 1 } }));
  await caught(ConflictError, () => board.createBrief({ briefId: "created", tier: 1, role: "coder" }));
  await caught(ConflictError, () => second.spawnBrief({ briefId: "created", ...brief }));
  await caught(ConflictError, () => second.createWorkstream({ workstreamId: "w", name: "api", tier: 0 }));
  expect(trace()).toEqual(before);
});
