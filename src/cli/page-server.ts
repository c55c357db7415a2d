/**
 * Serves a page that follows a run: to this machine only, read-only, and only to those who know its address.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { InvalidInputError } from "../errors-and-types.ts";
import { messageOf, printable } from "./output.ts";

export interface PageServer {
  readonly url: string;
  /** Tells every open page that it is out of date. */
  announce(): void;
  /** Ends all connections. */
  close(): Promise<void>;
}

/** The loopback address; a name such as localhost may have another one. */
const host = "127.0.0.1";

/** A page reads its few bytes at once: a connection that leaves more than this unread is no page. */
const maxUnread = 2 ** 16;
const maxPages = 100;

/**
 * Starts to serve the page that `render` returns. It is rendered once for each change, however many pages are open.
 * @throws InvalidInputError if the port cannot be used.
 */
export async function servePage(port: number, policy: string, render: () => Promise<string>): Promise<PageServer> {
  // Every user of this machine can connect to the port; the run's file may be private to one of them.
  const path = `/${randomBytes(18).toString("base64url")}/`;
  const pages = new Set<ServerResponse>();
  let rendered: Promise<string> | undefined;
  const page = () => {
    rendered ??= render().catch((error) => {
      rendered = undefined;
      throw error;
    });
    return rendered;
  };
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(headers(policy))) response.setHeader(name, value);
    const refusal = refusalOf(request, own);
    if (refusal !== undefined) return end(response, refusal, "");
    if (request.url === path) return void sendPage(request, response, page);
    if (request.url !== `${path}events`) return end(response, 404, "");
    if (pages.size >= maxPages) return end(response, 503, "");
    sendEvents(response, pages);
  });
  await listen(server, port);
  const own = portOf(server);
  return {
    url: `http://${host}:${own}${path}`,
    announce: () => {
      rendered = undefined;
      for (const response of pages) {
        if (response.writableLength > maxUnread) response.destroy();
        else response.write(change);
      }
    },
    close: async () => {
      server.close();
      server.closeAllConnections();
      if (server.listening) await once(server, "close");
    },
  };
}

const change = "event: change\ndata: {}\n\n";

function headers(policy: string): Record<string, string> {
  return {
    "Content-Security-Policy": `${policy}; frame-ancestors 'none'`,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
  };
}

/**
 * Returns the status with which a request is refused. A page of another site may send its name to this address (DNS rebinding),
 * and would then be of the same origin: its requests have that name as their host.
 */
function refusalOf({ method, headers: given }: IncomingMessage, port: number): number | undefined {
  const isOwn = [host, "localhost"].some((name) => given.host === `${name}:${port}`);
  if (!isOwn) return 403;
  return method === "GET" || method === "HEAD" ? undefined : 405;
}

function end(response: ServerResponse, status: number, text: string): void {
  if (status === 405) response.setHeader("Allow", "GET, HEAD");
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8" }).end(text);
}

async function sendPage(request: IncomingMessage, response: ServerResponse, page: () => Promise<string>) {
  try {
    const html = await page();
    response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" });
    response.end(request.method === "HEAD" ? undefined : html);
  } catch (error) {
    end(response, 500, `${printable(messageOf(error))}\n`);
  }
}

function sendEvents(response: ServerResponse, pages: Set<ServerResponse>): void {
  response.writeHead(200, { "Content-Type": "text/event-stream; charset=utf-8" });
  // The run may have changed since the page was rendered, or while the page was not connected.
  response.write(change);
  pages.add(response);
  response.on("close", () => pages.delete(response));
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch (cause) {
    throw new InvalidInputError([{ path: "--port", message: `cannot be used: ${messageOf(cause)}` }], { cause });
  }
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}
