/**
 * A PgBouncer in front of the tests' server: Debian's, or the one that RUN_BLACKBOARD_PGBOUNCER names. Debian 12 has version
 * 1.18; 1.21 and later keep track of prepared statements.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { onTestFinished } from "vitest";
import { hasServer, inSchema, serverUrl } from "./fresh.ts";
import { pgBouncer } from "./server.ts";

/** False if PgBouncer or PostgreSQL is not installed, which in CI is an error. */
export const hasPooler = hasServer && existsSync(pgBouncer);

/** Whether PgBouncer can prepare a client's statements on each server connection that the client comes to. */
export const canPrepare = hasPooler && isAtLeast(execFileSync(pgBouncer, ["--version"], { encoding: "utf8" }), 1, 21);

function isAtLeast(version: string, major: number, minor: number): boolean {
  const [, first = "0", second = "0"] = /(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(first) > major || (Number(first) === major && Number(second) >= minor);
}

export interface Pooler {
  /** The connection string for a schema. It has no `options`, which PgBouncer refuses. */
  urlOf(schema: string): string;
  /** As a crash would. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

type Settings = Readonly<Record<string, string | number>>;

/** Starts a PgBouncer that stops after the test. */
export async function freshPooler(settings: Settings): Promise<Pooler> {
  const { pooler, stop } = await makePooler(settings);
  onTestFinished(stop);
  return pooler;
}

export async function makePooler(settings: Settings): Promise<{ pooler: Pooler; stop: () => Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), "run-blackboard-pooler-"));
  const port = 6432;
  const config = join(folder, "pgbouncer.ini");
  writeFileSync(
    config,
    configOf(new URL(await serverUrl()), { ...settings, unix_socket_dir: folder, listen_port: port }),
  );
  // It does not run as root.
  const owner = process.getuid?.() === 0 ? { uid: idOf("-u"), gid: idOf("-g") } : undefined;
  if (owner) for (const path of [folder, config]) chownSync(path, owner.uid, owner.gid);
  const run = () => spawn(pgBouncer, ["--quiet", config], { stdio: "ignore", ...owner });
  let child: ReturnType<typeof run> | undefined;

  const isUp = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect(join(folder, `.s.PGSQL.${port}`));
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
  const start = async () => {
    const started = run();
    child = started;
    while (!(await isUp())) {
      if (started.exitCode !== null) throw new Error(`PgBouncer exited with ${started.exitCode}`);
      await pause(10);
    }
  };
  const kill = async () => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  };
  const stop = async () => {
    await kill();
    process.off("exit", killNow);
    rmSync(folder, { recursive: true, force: true });
  };
  const killNow = () => child?.kill("SIGKILL");
  process.once("exit", killNow);
  await start();
  const base = `postgresql://anyone@localhost:${port}/postgres?host=${encodeURIComponent(folder)}`;
  return { pooler: { urlOf: (schema) => inSchema(base, schema), kill, start }, stop };
}

function configOf(server: URL, settings: Settings): string {
  const target = {
    host: server.searchParams.get("host") ?? server.hostname,
    port: server.port || "5432",
    dbname: server.pathname.slice(1),
    user: decodeURIComponent(server.username),
    ...(server.password && { password: decodeURIComponent(server.password) }),
  };
  const lines = (all: Settings) => Object.entries(all).map(([name, value]) => `${name} = ${value}`);
  const words = Object.entries(target).map(([name, value]) => `${name}='${value}'`);
  return [
    "[databases]",
    `postgres = ${words.join(" ")}`,
    "[pgbouncer]",
    // Each client comes as the user of the database line.
    ...lines({ auth_type: "any", max_client_conn: 1000, ...settings }),
    "",
  ].join("\n");
}

function idOf(which: "-u" | "-g"): number {
  return Number(execFileSync("id", [which, "postgres"], { encoding: "utf8" }));
}
