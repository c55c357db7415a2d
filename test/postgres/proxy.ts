/**
 * A proxy in front of a server: counts round trips, and simulates a server that is further away.
 */
import { connect, createServer, type Socket } from "node:net";
import pg from "pg";

export interface Proxy {
  /** The server's URL through the proxy. */
  readonly url: string;
  /** The number of answers of the server: each ends with its message that it is ready for the next query. */
  roundTrips(): number;
  stop(): void;
}

const readyForQuery = "Z".charCodeAt(0);

/** Starts a proxy for the server of `url` that adds `roundTripMs` to each round trip, half of it in each direction. */
export async function startProxy(url: string, roundTripMs = 0): Promise<Proxy> {
  const { host, port } = new pg.Client(url);
  const sockets = new Set<Socket>();
  let roundTrips = 0;
  const proxy = createServer({ noDelay: true }, (client) => {
    const server = host.startsWith("/") ? connect(`${host}/.s.PGSQL.${port}`) : connect({ host, port, noDelay: true });
    const count = counting(() => roundTrips++);
    forward(client, server);
    forward(server, client);
    server.on("data", count);
    for (const socket of [client, server]) sockets.add(socket);
  });
  /** Timers of the same length fire in order. */
  function forward(from: Socket, to: Socket): void {
    const later = (work: () => void) => (roundTripMs > 0 ? setTimeout(work, roundTripMs / 2) : work());
    from.on("data", (chunk) => later(() => to.write(chunk)));
    from.on("error", () => to.destroy());
    from.on("close", () => later(() => to.destroy()));
  }
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const address = proxy.address();
  const through = new URL(url);
  through.searchParams.delete("host");
  through.host = `127.0.0.1:${typeof address === "object" && address ? address.port : 0}`;
  return {
    url: through.href,
    roundTrips: () => roundTrips,
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
