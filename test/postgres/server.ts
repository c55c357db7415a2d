/**
 * A PostgreSQL server for the tests: the one that RUN_BLACKBOARD_POSTGRES_URL names, or else a private cluster in a temporary
 * folder, on a socket, of the version whose programs are in RUN_BLACKBOARD_POSTGRES_BIN, or of the newest installed one.
 */
import { execFileSync } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Server {
  /** The URL of a database in which a test may create schemas and roles and terminate sessions. */
  readonly url: string;
  stop(): void;
}

export interface PrivateServer extends Server {
  /** "immediate": as a crash would, without a shutdown checkpoint. */
  restart(mode: "fast" | "immediate"): void;
  halt(): void;
  start(): void;
  /** Starts a read-only copy that follows this server. */
  startStandby(): Standby;
}

interface Standby extends PrivateServer {
  /** Makes it a primary. Returns once it accepts writes. */
  promote(): void;
}

/** A private server trusts every user except this one, who needs a password. */
export const userWithPassword = "tester_with_password";

/** Where Debian's packages install a version's programs. */
const debian = "/usr/lib/postgresql";

/** Debian's, unless another one is named. */
export const pgBouncer = process.env.RUN_BLACKBOARD_PGBOUNCER ?? "/usr/sbin/pgbouncer";

/** The folder of the programs of version 15 or later; `undefined` if there is none. */
function programs(): string | undefined {
  if (process.env.RUN_BLACKBOARD_POSTGRES_BIN) return process.env.RUN_BLACKBOARD_POSTGRES_BIN;
  const versions = existsSync(debian)
    ? readdirSync(debian)
        .map(Number)
        .filter((version) => version >= 15)
    : [];
  const newest = Math.max(...versions);
  return versions.length === 0 ? undefined : join(debian, String(newest), "bin");
}

/** Installs Debian's PostgreSQL and PgBouncer if possible, as a new machine in CI needs them. */
function installMissing(): void {
  const hasPostgres = process.env.RUN_BLACKBOARD_POSTGRES_URL || programs();
  const needed = [...(hasPostgres ? [] : ["postgresql"]), ...(existsSync(pgBouncer) ? [] : ["pgbouncer"])];
  if (needed.length === 0 || process.getuid?.() !== 0) return;
  const quiet = { stdio: "ignore" } as const;
  execFileSync("apt-get", ["update", "-q"], quiet);
  // No Debian cluster: the tests start their own.
  execFileSync("apt-get", ["install", "-y", "-q", "--no-install-recommends", ...needed], {
    ...quiet,
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
}

/**
 * Settings that differ from what the package needs unless it sets them explicitly: locale order of ids, a different
 * time zone. Without fsync: writes survive the server's processes anyway, and a machine that crashes fails its tests.
 */
const locale = ["--locale-provider", "icu", "--icu-locale", "en-US", "--locale", "C.UTF-8"];
const settings = {
  timezone: "Asia/Kathmandu",
  listen_addresses: "",
  max_connections: "200",
  track_commit_timestamp: "on",
  fsync: "off",
};

/** Starts a private cluster; `undefined` if PostgreSQL is not installed. */
export function startPrivateServer(): PrivateServer | undefined {
  const bin = programs();
  return bin === undefined ? undefined : startCluster(bin);
}

/** Starts a cluster; one that copies and follows the server with the socket in the folder `source`, if there is one. */
function startCluster(bin: string, source?: string): Standby {
  const folder = mkdtempSync(join(tmpdir(), "run-blackboard-pg-"));
  const owner = process.getuid?.() === 0 ? "postgres" : undefined;
  if (owner) chownSync(folder, id("-u", owner), id("-g", owner));
  const data = join(folder, "data");
  // The server does not run as root.
  const run = (program: string, ...words: string[]) => {
    const command = [join(bin, program), ...words];
    const [first = "", ...rest] = owner ? ["runuser", "-u", owner, "--", ...command] : command;
    execFileSync(first, rest, { stdio: ["ignore", "ignore", "inherit"], cwd: folder });
  };
  const control = (...words: string[]) =>
    run("pg_ctl", "--pgdata", data, "--silent", "--wait", "--log", join(folder, "log"), ...words);
  const all = Object.entries({ ...settings, unix_socket_directories: folder });
  const options = ["--options", all.map(([name, value]) => `-c ${name}='${value}'`).join(" ")];
  const start = () => control(...options, "start");
  const halt = () => control("--mode", "immediate", "stop");
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const user = ["--username", "tester"];
  try {
    if (source === undefined) {
      run("initdb", "--pgdata", data, ...user, "--encoding", "UTF8", ...locale, "--auth", "trust", "--no-sync");
      const whoMayComeIn = `local all ${userWithPassword} scram-sha-256\nlocal all all trust\nlocal replication all trust\n`;
      writeFileSync(join(data, "pg_hba.conf"), whoMayComeIn);
    } else {
      const how = ["--write-recovery-conf", "--checkpoint", "fast", "--no-sync", "--no-manifest"];
      run("pg_basebackup", "--pgdata", data, ...user, "--host", source, ...how);
    }
    start();
  } catch (error) {
    remove();
    throw error;
  }
  let running = true;
  const stop = () => {
    if (!running) return;
    running = false;
    process.off("exit", stop);
    if (existsSync(join(data, "postmaster.pid"))) halt();
    remove();
  };
  process.once("exit", stop);
  return {
    url: `postgresql://tester@localhost/postgres?host=${encodeURIComponent(folder)}`,
    start,
    halt,
    restart: (mode) => control(...options, "--mode", mode, "restart"),
    startStandby: () => startCluster(bin, folder),
    promote: () => control("promote"),
    stop,
  };
}

function id(which: "-u" | "-g", user: string): number {
  return Number(execFileSync("id", [which, user], { encoding: "utf8" }));
}

/**
 * The server of a test run, not yet started. In CI its absence is an error; elsewhere it is reported, and those tests
 * are skipped.
 */
export function provideServer(): (() => Server) | undefined {
  if (process.env.CI) installMissing();
  if (!existsSync(pgBouncer)) {
    const missing = "PgBouncer is not installed (Debian: apt-get install pgbouncer).";
    if (process.env.CI) throw new Error(missing);
    console.warn(`\n!!! ${missing} The tests of poolers are SKIPPED.\n`);
  }
  const url = process.env.RUN_BLACKBOARD_POSTGRES_URL;
  if (url) return () => ({ url, stop: () => undefined });
  const message =
    "PostgreSQL 15 or later is not installed (Debian: apt-get install postgresql), and RUN_BLACKBOARD_POSTGRES_URL is not set.";
  if (programs()) {
    return () => {
      const server = startPrivateServer();
      if (!server) throw new Error(message);
      return server;
    };
  }
  if (process.env.CI) throw new Error(message);
  console.warn(`\n!!! ${message} The tests of the PostgreSQL engine are SKIPPED.\n`);
  return undefined;
}
