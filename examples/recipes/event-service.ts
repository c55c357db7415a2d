/**
 * Serves a run's events as Server-Sent Events: PORT=8080 tsx event-service.ts RUN. A client that reconnects with its
 * Last-Event-ID, as a browser's EventSource does, receives every event exactly once, even if this service was restarted.
 *
 *     GET /events    new events, or all events after Last-Event-ID (0: from the beginning)
 *     GET /          the run's summary
 *     POST /briefs   creates a brief with the body as its question
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { BusyError, InvalidInputError } from "run-blackboard";
import { openBoard } from "./board.ts";

const [runId = ""] = process.argv.slice(2);
// A call that waits for other writers blocks the whole server, so wait only briefly and let the client retry.
using board = openBoard(runId, { busyTimeoutMs: 50 });
const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    if (response.headersSent) response.destroy();
    else if (error instanceof BusyError) response.writeHead(503, { "retry-after": "1" }).end(error.message);
    else response.writeHead(error instanceof InvalidInputError ? 400 : 500).end(String(error));
  });
});
server.listen(Number(process.env.PORT ?? 8080), () => console.log(JSON.stringify(server.address())));
await once(stop.signal, "abort");
server.close();
await once(server, "close");

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  switch (`${request.method} ${request.url}`) {
    case "GET /":
      response.end(JSON.stringify(board.getRunSummary()));
      break;
    case "POST /briefs": {
      const payload = { question: await text(request) };
      const { briefId } = board.spawnBrief({ tier: 0, role: "answer", payload });
      response.writeHead(201).end(briefId);
      break;
    }
    case "GET /events":
      await stream(request, response);
      break;
    default:
      response.writeHead(404).end();
  }
}

async function stream(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const lastEventId = request.headers["last-event-id"];
  const after = lastEventId === undefined ? board.getRunSummary().lastSeq : Number(lastEventId);
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const signal = AbortSignal.any([gone.signal, stop.signal]);
  // Throws for an invalid id, before the response starts.
  const events = board.watchEvents({ after, signal });
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  // Lets the client resume even if it loses its connection before the first event.
  response.write(`id: ${after}\n\n`);
  for await (const event of events) {
    const message = `id: ${event.seq}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`;
    // For a slow client, events stay in the database instead of in this process's memory.
    if (!response.write(message)) await once(response, "drain", { signal });
  }
  response.end();
}
