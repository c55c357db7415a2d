/**
 * Other packages that keep state in SQLite or PostgreSQL, measured on the work they have in common with this one. The first run
 * installs them into `bench/peers/` from a separate lock file, so `npm ci` of the project does not install them. All use
 * the project's better-sqlite3, opened here with the same pragmas as this package.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type Database from "better-sqlite3";
import type { Sites } from "./sites.ts";
import { awaiting, calling, type Side } from "./subject.ts";

/** The exports of `peers/peers.mjs`: each function takes an open connection to an empty file. */
interface Peers {
  liteque(db: Database.Database): { enqueue(payload: object): Promise<unknown> };
  plainjob(db: Database.Database): {
    add(payload: object): void;
    addMany(payloads: readonly object[]): void;
    claim(): unknown;
    close(): void;
  };
  langgraph(db: Database.Database): { put(): Promise<unknown> };
  boss(url: string, connections: number): Promise<Boss>;
}

/** A job queue in its own PostgreSQL schema. */
export interface Boss {
  send(payload: object): Promise<unknown>;
  fetch(): Promise<string>;
  complete(id: string): Promise<unknown>;
  insert(payload: object, count: number): Promise<unknown>;
  fetchMany(count: number): Promise<string[]>;
  completeMany(ids: readonly string[]): Promise<unknown>;
  supply(payload: object, count: number): Promise<unknown>;
  stop(): Promise<unknown>;
}

const folder = fileURLToPath(new URL("peers/", import.meta.url));
let loaded: Promise<Peers | undefined> | undefined;

async function load(): Promise<Peers | undefined> {
  try {
    if (!existsSync(`${folder}node_modules`)) {
      // Without install scripts, so nothing is compiled; the peers use the project's better-sqlite3.
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

/** Enqueues a job: one row, no event. */
export async function liteque(sites: Sites, payload: object): Promise<{ liteque?: Side }> {
  const made = await peers();
  if (!made) return {};
  const queue = made.liteque(connection(sites));
  return { liteque: awaiting(() => queue.enqueue(payload)) };
}

/** Takes the oldest pending job; adds a hundred in one transaction. */
export async function plainjob(sites: Sites, payload: object): Promise<{ plainjob?: Side; plainjobMany?: Side }> {
  const made = await peers();
  if (!made) return {};
  const db = connection(sites);
  const queue = made.plainjob(db);
  sites.closeLater(queue);
  const supply = db.transaction((calls: number) => {
    for (let n = 0; n < calls; n++) queue.add(payload);
  });
  const { timeMs } = calling(queue.claim, (calls) => supply.immediate(calls));
  const hundred = Array.from({ length: 100 }, () => payload);
  return { plainjob: { timeMs }, plainjobMany: { timeMs: calling(() => queue.addMany(hundred)).timeMs } };
}

/** Stores a checkpoint of a thread: one row. */
export async function langgraphPut(sites: Sites): Promise<{ LangGraph?: Side }> {
  const made = await peers();
  if (!made) return {};
  const saver = made.langgraph(connection(sites));
  return { LangGraph: awaiting(() => saver.put()) };
}

/** Sends a job, fetches the next one, completes it. */
export async function pgBoss(url: string, connections: number): Promise<Boss | undefined> {
  const made = await peers();
  return await made?.boss(url, connections);
}
