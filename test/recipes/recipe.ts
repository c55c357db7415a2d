/** The programs of examples/recipes, as processes in their own folder, and the model that they ask. */
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { type Blackboard, openBlackboard } from "run-blackboard";
import { onTestFinished } from "vitest";
import { bundled } from "../processes/bundle.ts";
import { type Running, start } from "../processes/spawn.ts";

/** A process and its pid, for signals. */
export interface Program extends Running {
  signal(name: NodeJS.Signals): void;
}

/** Runs `examples/recipes/<name>.ts` in that folder; its first line is its pid. */
export async function startRecipe(
  name: string,
  { cwd, args, env = {} }: { cwd: string; args: readonly string[]; env?: NodeJS.ProcessEnv },
): Promise<Program> {
  const program = [process.execPath, bundled(new URL(`../../examples/recipes/${name}.ts`, import.meta.url))];
  const running = start("sh", ["-c", 'echo $$; exec "$@"', "sh", ...program, ...args], {
    cwd,
    env: { ...process.env, ...env },
  });
  const pid = Number(await running.until(([first]) => first));
  return { ...running, signal: (signal) => process.kill(pid, signal) };
}

/** Opens a run's blackboard as the recipes in this folder do. */
export function openIn(folder: string, runId: string): Blackboard<"sync"> {
  const board = openBlackboard({ runId, root: `${folder}/runs`, synchronous: "normal" });
  onTestFinished(() => board.close());
  return board;
}

/** The events of a brief, in order. */
export function logOf(board: Blackboard<"sync">, briefId: string): string[] {
  return board.listEvents({ briefId, limit: 1000 }).items.map(({ kind }) => kind);
}

export interface Call {
  readonly model: string;
  readonly prompt: string;
  /** Arrival time. */
  readonly at: number;
  /** The number of earlier calls with the same model and prompt. */
  readonly before: number;
  answer(text: string): void;
  refuse(status: number, text: string): void;
}

export interface Model {
  readonly url: string;
  readonly calls: readonly Call[];
}

/** A model server on its own port with scripted answers; calls without an answer are kept waiting. */
export async function startModel(take: (call: Call) => void): Promise<Model> {
  const calls: Call[] = [];
  const server = createServer(async (request, response: ServerResponse) => {
    const [model, prompt] = [request.url?.slice(1) ?? "", await text(request)];
    const before = calls.filter((call) => call.model === model && call.prompt === prompt).length;
    const end = (status: number, body: string) => void response.writeHead(status).end(body);
    const call = { model, prompt, at: Date.now(), before, answer: (body: string) => end(200, body), refuse: end };
    calls.push(call);
    take(call);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("The model has no port.");
  return { url: `http://127.0.0.1:${address.port}`, calls };
}
