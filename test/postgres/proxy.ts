/**
 * A proxy in front of a server: counts round trips, simulates a server that is further away, or a machine that vanishes.
 */
import { connect, createServer, type Socket } from "node:net";
import pg from "pg";

export interface Proxy {
  /** The server's URL through the proxy. */
  readonly url: string;
  /** The number of answers of the server: each ends with its message that it is ready for the next query. */
  roundTrips(): number;
  /**
   * From now on, or after more answers, forwards nothing in either direction, also of new connections, and leaves every
   * connection open: what is sent is acknowledged and lost.
   */
  vanish(afterAnswers?: number): void;
  /** The same only for the connections that are open now, as a router that was restarted. */
  forget(): void;
  /** Connects clients to a different server from now on, as a name that is given to another machine. */
  redirect(url: string): void;
  /** Resolves once it forwards nothing. */
  readonly vanished: Promise<void>;
  stop(): void;
}

const readyForQuery = "Z".charCodeAt(0);

/** Starts a proxy for the server of `url` that adds `roundTripMs` to each round trip, half of it in each direction. */
export async function startProxy(url: string, roundTripMs = 0): Promise<Proxy> {
  let { host, port } = new pg.Client(url);
  const sockets = new Set<Socket>();
  let roundTrips = 0;
  let age = 0;
  let answersLeft = Number.POSITIVE_INFINITY;
  let hasVanished = () => {};
  const vanished = new Promise<void>((resolve) => {
    hasVanished = resolve;
  });
  const proxy = createServer({ noDelay: true }, (client) => {
    const server = host.startsWith("/") ? connect(`${host}/.s.PGSQL.${port}`) : connect({ host, port, noDelay: true });
    const count = counting(() => {
      roundTrips++;
      if (--answersLeft === 0) hasVanished();
    });
    // First, so that the answer after which it vanishes is lost.
    server.on("data", count);
    forward(client, server);
    forward(server, client);
    for (const socket of [client, server]) sockets.add(socket);
  });
  /** Timers of the same length fire in order. */
  function forward(from: Socket, to: Socket): void {
    const later = (work: () => void) => (roundTripMs > 0 ? setTimeout(work, roundTripMs / 2) : work());
    const born = age;
    const passing = (work: () => void) => {
      if (answersLeft > 0 && born === age) later(work);
    };
    from.on("data", (chunk) => passing(() => to.write(chunk)));
    from.on("error", () => passing(() => to.destroy()));
    from.on("close", () => passing(() => to.destroy()));
  }
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const address = proxy.address();
  const through = new URL(url);
  through.searchParams.delete("host");
  through.host = `127.0.0.1:${typeof address === "object" && address ? address.port : 0}`;
  return {
    url: through.href,
    roundTrips: () => roundTrips,
    vanish(afterAnswers = 0) {
      answersLeft = afterAnswers;
      if (afterAnswers === 0) hasVanished();
    },
    forget() {
      age++;
    },
    redirect(other) {
      ({ host, port } = new pg.Client(other));
    },
    vanished,
    stop() {
      proxy.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Returns a function that reads the server's messages (a letter, then the length of the rest) and counts the ends of answers. */
function counting(answered: () => void): (chunk: Buffer) => void {
  let unread: Buffer = Buffer.alloc(0);
  return (chunk) => {
    unread = Buffer.concat([unread, chunk]);
    while (unread.length >= 5) {
      const end = 1 + unread.readInt32BE(1);
      if (unread.length < end) return;
      if (unread[0] === readyForQuery) answered();
      unread = unread.subarray(end);
    }
  };
}
