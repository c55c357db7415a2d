/**
 * One PostgreSQL server for a whole run of vitest. The first test that asks for it starts it, so that a run without
 * such tests does not wait; it stops at the end.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { provideServer, type Server } from "./server.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** The socket that returns the server's URL as JSON; null if there is no server. */
    postgres: string | null;
  }
}

/** The answer of the socket. */
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
