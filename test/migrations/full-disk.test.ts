/** Disks that fill up during a migration: a small file system per test, and a limit on the size of files. */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import { execute, written } from "./files.ts";
import { startHere } from "./migrator.ts";
import type { Try } from "./programs/fill-and-migrate.ts";

/** A file system of 12 MB that exists for one process: mounted in its own namespace and removed with it. */
const smallDisk = (folder: string) => [
  "unshare",
  "--map-root-user",
  "--mount",
  ...["sh", "-c", 'mount -t tmpfs -o size=12m tmpfs "$0" && exec "$@"', folder],
];
const limitedFiles = ["prlimit", "--fsize=1073741824:"];
const allowed = ([command = "", ...args]: readonly string[]) => spawnSync(command, [...args, "true"]).status === 0;

const events = 8000;

/** Migrates with increasing space, on opening and with a backup. */
async function fill(kind: "disk" | "limit"): Promise<Try[]> {
  const source = written("webhook");
  execute(
    source,
    "DELETE FROM events",
    `WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ${events})
     INSERT INTO events SELECT hex(randomblob(16)), 'webhook', NULL, 'retried', '{"n":' || n || '}', '2026-11-22' FROM c`,
  );
  const disk = join(temporaryFolder(), "disk");
  mkdirSync(disk);
  const through = kind === "disk" ? smallDisk(disk) : limitedFiles;
  const lines = await startHere("fill-and-migrate", [source, disk, kind, `${events}`], through).finish();
  return lines.map((line) => JSON.parse(line));
}

describe.each([
  ["a full disk", "disk", allowed(smallDisk(tmpdir()))],
  ["a limit on the size of files", "limit", allowed(limitedFiles)],
] as const)("%s", (_, kind, possible) => {
  // Filled once, by the first test that runs.
  let filling: ReturnType<typeof fill> | undefined;
  const refused = async () => {
    filling ??= fill(kind);
    return (await filling).filter(({ outcome }) => outcome !== "ok");
  };

  test.skipIf(!possible)("causes DISK_FULL at any point of the migration, on opening and with a backup", async () => {
    const tries = await refused();
    expect(tries.filter((one) => one.kind === "open").length).toBeGreaterThan(3);
    expect(tries.filter((one) => one.kind === "migrate").length).toBeGreaterThan(3);
    expect(new Set(tries.map(({ outcome }) => outcome))).toEqual(new Set(["FileError DISK_FULL"]));
    const all = (await filling) ?? [];
    expect(all.filter(({ outcome }) => outcome === "ok").map((one) => one.kind)).toEqual(["open", "migrate"]);
  });

  test.skipIf(!possible)("leaves the file unchanged, byte for byte", async () => {
    expect((await refused()).filter(({ untouched }) => !untouched)).toEqual([]);
  });

  test.skipIf(!possible)("has no lasting effect: with more space the file migrates without loss", async () => {
    for (const one of await refused()) expect(one).toMatchObject({ afterwards: "ok", events });
  });

  test.skipIf(!possible)("leaves no partial backup that could be restored by mistake", async () => {
    const backups = (await refused()).flatMap((one) => one.backups);
    expect(backups.filter((whole) => !whole)).toEqual([]);
  });

  // The limit applies to each file: the backup reaches it first.
  test.skipIf(!possible || kind === "limit")(
    "leaves a backup that was complete before the limit was reached",
    async () => {
      const { backups = [] } = (await refused()).findLast((one) => one.kind === "migrate") ?? {};
      expect(backups).toEqual([true]);
    },
  );
});
