/**
 * Other packages that keep state in SQLite or PostgreSQL, on the piece of work that they share with this one. They are installed into
 * `bench/peers/` at the first run, from a lock file of their own: a `npm ci` of the project does not know them. All of them
 * use the project's better-sqlite3, opened here, with the pragmas that ours has.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type Database from "better-sqlite3";
import type { Sites } from "./sites.ts";
import { awaiting, calling, type Side } from "./subject.ts";

/** What `peers/peers.mjs` gives: each takes an open connection to an empty file. */
interface Peers {
  liteque(db: Database.Database): { enqueue(payload: object): Promise<unknown> };
  plainjob(db: Database.Database): { add(payload: object): void; claim(): unknown; close(): void };
  langgraph(db: Database.Database): { put(): Promise<unknown> };
  boss(url: string, connections: number): Promise<Boss>;
}

/** A queue of jobs in a PostgreSQL schema of its own. */
export interface Boss {
  send(payload: object): Promise<unknown>;
  fetch(): Promise<string>;
  complete(id: string): Promise<unknown>;
  supply(payload: object, count: number): Promise<unknown>;
  stop(): Promise<unknown>;
}

const folder = fileURLToPath(new URL("peers/", import.meta.url));
let loaded: Promise<Peers | undefined> | undefined;

async function load(): Promise<Peers | undefined> {
  try {
    if (!existsSync(`${folder}node_modules`)) {
      // Without scripts: nothing is compiled, better-sqlite3 is the project's own.
      execFileSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: folder, stdio: "inherit" });
    }
    const peers: Peers = await import(`${folder}peers.mjs`);
    return peers;
  } catch (error) {
    console.error(`Without peers: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

const peers = () => {
  loaded ??= load();
  return loaded;
};

const connection = (sites: Sites) => sites.plain();

/** Enqueueing a job: one row, no event. */
export async function liteque(sites: Sites, payload: object): Promise<{ liteque?: Side }> {
  const made = await peers();
  if (!made) return {};
  const queue = made.liteque(connection(sites));
  return { liteque: awaiting(() => queue.enqueue(payload)) };
}

/** Taking the oldest pending job. */
export async function plainjob(sites: Sites, payload: object): Promise<{ plainjob?: Side }> {
  const made = await peers();
  if (!made) return {};
  const db = connection(sites);
  const queue = made.plainjob(db);
  sites.closeLater(queue);
  const supply = db.transaction((calls: number) => {
    for (let n = 0; n < calls; n++) queue.add(payload);
  });
  const { timeMs } = calling(queue.claim, (calls) => supply.immediate(calls));
  return { plainjob: { timeMs } };
}

/** Storing a checkpoint of a thread: one row. */
export async function langgraphPut(sites: Sites): Promise<{ LangGraph?: Side }> {
  const made = await peers();
  if (!made) return {};
  const saver = made.langgraph(connection(sites));
  return { LangGraph: awaiting(() => saver.put()) };
}

/** Sending a job, fetching the next one, completing it. */
export async function pgBoss(url: string, connections: number): Promise<Boss | undefined> {
  const made = await peers();
  return await made?.boss(url, connections);
}
