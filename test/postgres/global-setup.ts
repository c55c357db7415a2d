/**
 * One PostgreSQL server for a whole run of vitest. It is started when the first test asks for it, so that a run without such
 * tests waits for nothing, and stopped at the end.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { provideServer, type Server } from "./server.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** The socket at which the server's URL is to be had, as JSON; null where there is no server. */
    postgres: string | null;
  }
}

/** What the socket answers with. */
export type Answer = { url: string } | { error: string };

export async function setup(project: TestProject): Promise<(() => void) | undefined> {
  const start = provideServer();
  if (!start) {
    project.provide("postgres", null);
    return undefined;
  }
  let server: Server | undefined;
  const answer = (): Answer => {
    try {
      server ??= start();
      return { url: server.url };
    } catch (error) {
      return { error: String(error) };
    }
  };
  const folder = mkdtempSync(join(tmpdir(), "run-blackboard-"));
  const path = join(folder, "server-url");
  const door = createServer((socket) => {
    socket.on("error", () => undefined).end(JSON.stringify(answer()));
  });
  await new Promise<void>((resolve) => door.listen(path, resolve));
  project.provide("postgres", path);
  return () => {
    door.close();
    server?.stop();
    rmSync(folder, { recursive: true, force: true });
  };
}
