/**
 * fill-and-migrate SOURCE DISK KIND EVENTS: migrates copies of SOURCE, which has EVENTS events, on a disk with
 * increasing free space, or with a limit on the size of files, until it succeeds. Prints a line of JSON for each
 * attempt.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, readdirSync, readFileSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { migrateBlackboard, openBlackboard } from "run-blackboard";
import { outcome, say } from "../../processes/programs/talk.ts";

export interface Try {
  readonly kind: string;
  readonly outcome: string;
  /** Whether the file is unchanged, byte for byte. */
  readonly untouched: boolean;
  /** For each backup that exists, whether it is complete. */
  readonly backups: readonly boolean[];
  /** The outcome when there was space again. */
  readonly afterwards: string;
  readonly events: number;
}

const [source = "", disk = "", kind = "", events = ""] = process.argv.slice(2);
const file = join(disk, "blackboard.db");
const ballast = join(disk, "ballast");
const step = 192 * 1024;
const bytes = readFileSync(source);

function limitFiles(size: string): void {
  execFileSync("prlimit", ["--pid", `${process.pid}`, `--fsize=${size}:`]);
}

function leaveRoom(room: number): void {
  if (kind === "limit") return limitFiles(`${bytes.length + room}`);
  const { bsize, bavail } = statfsSync(disk);
  writeFileSync(ballast, Buffer.alloc(Math.max(0, bsize * bavail - room)));
}

function makeRoom(): void {
  if (kind === "limit") limitFiles("unlimited");
  else rmSync(ballast, { force: true });
}

function isWhole(backup: string): boolean {
  const client = new Database(backup, { readonly: true });
  try {
    return (
      client.pragma("integrity_check", { simple: true }) === "ok" &&
      client.prepare("SELECT count(*) FROM events").pluck().get() === Number(events)
    );
  } catch {
    return false;
  } finally {
    client.close();
  }
}

const ways: Record<string, () => void> = {
  open: () => openBlackboard({ runId: "webhook", file }).close(),
  migrate: () => {
    migrateBlackboard({ file, backup: true });
  },
};
for (const [name, way] of Object.entries(ways)) {
  for (let tries = 0, done = false; tries < 40 && !done; tries++) {
    copyFileSync(source, file);
    leaveRoom(kind === "limit" ? (tries - 6) * step : tries * step);
    const result = outcome(way);
    done = result === "ok";
    const untouched = statSync(file).size === bytes.length && readFileSync(file).equals(bytes);
    makeRoom();
    const backups = readdirSync(disk)
      .filter((one) => one.endsWith(".backup"))
      .map((one) => isWhole(join(disk, one)));
    let stored = 0;
    const afterwards = outcome(() => {
      using board = openBlackboard({ runId: "webhook", file });
      const { spawned, completed, failed, escalated, retried } = board.getRunSummary().events;
      stored = spawned + completed + failed + escalated + retried;
    });
    const tried: Try = { kind: name, outcome: result, untouched, backups, afterwards, events: stored };
    say(JSON.stringify(tried));
    for (const one of readdirSync(disk)) rmSync(join(disk, one));
  }
}
