/** Watches in separate processes, concurrent with processes that write. */
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { type BlackboardEvent, openBlackboard } from "run-blackboard";
import { expect, test } from "vitest";
import { temporaryFolder } from "./folder.ts";
import { type Running, startProgram } from "./spawn.ts";

function openShared() {
  const file = join(temporaryFolder(), "blackboard.db");
  const board = openBlackboard({ runId: "shared", file, synchronous: "normal" });
  board.createRun("write together");
  return { board, file };
}

function allLines(board: { listEvents: ReturnType<typeof openBlackboard>["listEvents"] }): string[] {
  const events: BlackboardEvent[] = [];
  for (let page = board.listEvents({ limit: 1000 }); ; page = board.listEvents({ limit: 1000, after: page.next })) {
    events.push(...page.items);
    if (page.next === null) return events.map(({ seq, eventId }) => `${seq} ${eventId}`);
  }
}

const seen = ({ lines }: Running) => lines.slice(1);
const atLeast = async (watcher: Running, count: number) => {
  await watcher.until(() => (seen(watcher).length >= count ? true : undefined));
};

test("watchers started before, during and after four processes write, one of them killed and resumed, return each event once and in order", async () => {
  const { board, file } = openShared();
  using _ = board;
  const [writers, rounds] = [4, 75];
  board.createBrief({ briefId: "counter", tier: 1, role: "counter" });
  board.updateBriefResult("counter", { counted: 0 });
  for (let n = 0; n < rounds; n++) board.createBrief({ briefId: `prize/${n}`, tier: 1, role: "prize" });
  const before = startProgram("watch", [file, "0"]);
  const killed = startProgram("watch", [file, "0"]);
  const programs = Array.from({ length: writers }, (_, n) =>
    startProgram("write-beside", [file, `w${n}`, `${rounds}`]),
  );
  await Promise.all([before, killed, ...programs].map((program) => program.line("ready")));
  for (const program of programs) program.say("begin");

  await atLeast(killed, 25);
  killed.kill();
  await killed.ended;
  const [last = ""] = seen(killed).at(-1)?.split(" ") ?? [];
  const during = startProgram("watch", [file, "0"]);
  const resumed = startProgram("watch", [file, last]);
  await Promise.all(programs.map((program) => program.finish()));
  const after = startProgram("watch", [file, "0"]);

  const written = allLines(board);
  expect(written).toHaveLength(writers * rounds);
  await Promise.all([before, during, after].map((watcher) => atLeast(watcher, written.length)));
  await atLeast(resumed, written.length - seen(killed).length);
  // One more event, so that any duplicate or late event has arrived.
  board.logEvent("completed", { eventId: "last" });
  const all = allLines(board);
  const watchers = [before, during, after, resumed];
  await Promise.all(watchers.map((watcher) => watcher.line(all.at(-1) ?? "")));
  await Promise.all(watchers.map((watcher) => watcher.finish()));
  for (const watcher of [before, during, after]) expect(seen(watcher)).toEqual(all);
  expect([...seen(killed), ...seen(resumed)]).toEqual(all);
});

test("a watch of a snapshot, read where the folder is not writable, returns its events and then throws that it cannot follow", async () => {
  const folder = temporaryFolder();
  const file = join(folder, "blackboard.db");
  const board = openBlackboard({ runId: "shared", file });
  board.createRun("be read");
  board.logEvent("spawned");
  const all = allLines(board);
  board.close();
  chmodSync(folder, 0o555);
  const program = startProgram("watch-as-nobody", [file]);
  expect(await program.finish()).toEqual([...all, "FileError READ_ONLY"]);
});

test("a watch that was left does not keep its process alive", async () => {
  const program = startProgram("leave-watch", []);
  expect(await program.finish()).toEqual(["spawned", "true"]);
});

test("a watch that waits keeps its process alive", async () => {
  const { board, file } = openShared();
  using _ = board;
  const program = startProgram("keep-watch", [file]);
  await program.line("ready");
  const { eventId } = board.logEvent("spawned");
  expect(await program.finish()).toEqual(["ready", eventId]);
});
