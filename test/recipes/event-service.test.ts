/** The service that streams events, as a process, and a client that loses its connection. */
import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import { openIn, type Program, startRecipe } from "./recipe.ts";

async function startService(cwd: string): Promise<{ program: Program; url: string }> {
  const program = await startRecipe("event-service", { cwd, args: ["s"], env: { PORT: "0" } });
  const { port } = JSON.parse(await program.until(([, address]) => address));
  return { program, url: `http://localhost:${port}` };
}

/** Reads messages as an EventSource does, until `count` have arrived or the stream ends. */
async function read(url: string, lastEventId: string | undefined, count: number, connected?: () => unknown) {
  const stop = new AbortController();
  const headers: Record<string, string> = lastEventId === undefined ? {} : { "last-event-id": lastEventId };
  const response = await fetch(`${url}/events`, { headers, signal: stop.signal });
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  const events: { kind: string; briefId: string }[] = [];
  let [last, unread] = [lastEventId, ""];
  const decoder = new TextDecoder();
  try {
    for await (const chunk of response.body ?? []) {
      const parts = (unread + decoder.decode(chunk, { stream: true })).split("\n\n");
      unread = parts.pop() ?? "";
      for (const part of parts) {
        const fields = Object.fromEntries(part.split("\n").map((line) => line.split(/: (.*)/s, 2)));
        last = fields.id;
        if (fields.data === undefined) {
          await connected?.();
          continue;
        }
        const { kind, briefId } = JSON.parse(fields.data);
        expect(fields.event).toBe(kind);
        events.push({ kind, briefId });
        if (events.length === count) return { last, events };
      }
    }
    return { last, events };
  } finally {
    stop.abort();
  }
}

describe("the event service", () => {
  test("streams events and resumes after Last-Event-ID when it was killed: no event twice, none missed", async () => {
    const folder = temporaryFolder();
    const board = openIn(folder, "s");
    board.createRun("a goal");
    const spawn = (from: number, to: number) =>
      board.transaction((tx) => {
        for (let n = from; n < to; n++) tx.spawnBrief({ briefId: `b-${n}`, tier: 0, role: "answer" });
      });
    const ids = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `b-${from + n}`);
    spawn(0, 3);
    const { program, url } = await startService(folder);
    const fromNow = await read(url, undefined, 5, () => spawn(3, 9));
    expect(fromNow.events.map(({ briefId }) => briefId)).toEqual(ids(3, 8));
    // A connection lost before the first event resumes there too.
    const nothing = read(url, undefined, 1, () => program.signal("SIGKILL")).catch(() => undefined);
    expect((await program.ended).signal).toBe("SIGKILL");
    await nothing;
    spawn(9, 1500);

    const again = await startService(folder);
    const rest = await read(again.url, fromNow.last, 1492);
    expect(rest.events.map(({ briefId }) => briefId)).toEqual(ids(8, 1500));
    expect((await read(again.url, "0", 3)).events.map(({ briefId }) => briefId)).toEqual(ids(0, 3));
    again.program.signal("SIGTERM");
    expect(await again.program.ended).toEqual({ code: 0, signal: null, stderr: "" });
  });

  test("responds immediately when it cannot write, rejects an invalid id, and exits with its streams", async () => {
    const folder = temporaryFolder();
    const board = openIn(folder, "s");
    board.createRun("a goal");
    const { program, url } = await startService(folder);
    const post = (body: string) => fetch(`${url}/briefs`, { method: "POST", body });
    const created = await post("why?");
    expect(created.status).toBe(201);
    expect(board.getBrief(await created.text())?.payload).toEqual({ question: "why?" });
    expect((await post("")).status).toBe(400);

    const other = new Database(board.location);
    other.exec("BEGIN IMMEDIATE");
    const busy = await post("now?");
    expect([busy.status, busy.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(await (await fetch(url)).json()).toMatchObject({ lastSeq: 1, briefs: { pending: 1 } });
    other.exec("ROLLBACK");
    other.close();
    expect((await post("now?")).status).toBe(201);

    for (const id of ["x", "-1", "1.5"]) {
      expect((await fetch(`${url}/events`, { headers: { "last-event-id": id } })).status).toBe(400);
    }
    const open = await read(url, undefined, 1, () => program.signal("SIGTERM"));
    expect(open.events).toEqual([]);
    expect(await program.ended).toEqual({ code: 0, signal: null, stderr: "" });
  });
});
