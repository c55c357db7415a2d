/** Disks that are actually full: a small file system per test, and a limit on the size of files. */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "./folder.ts";
import { startProgram } from "./spawn.ts";

/** A file system of 8 MB that exists for one process: mounted in its own namespace and removed with it. */
const smallDisk = (folder: string) => [
  "unshare",
  "--map-root-user",
  "--mount",
  ...["sh", "-c", 'mount -t tmpfs -o size=8m tmpfs "$0" && exec "$@"', folder],
];
/** No file may exceed 5 MB, which SQLite's WAL does not reach before its first checkpoint. */
const limitedFiles = ["prlimit", `--fsize=${5 * 2 ** 20}:`];

const allowed = ([command = "", ...args]: readonly string[]) => spawnSync(command, [...args, "true"]).status === 0;

interface Outcome {
  readonly phase: string;
  readonly id: string;
  readonly result: string;
}

/** Fills the disk and returns the outcome of each write and the rows stored at the end. */
async function fill(kind: "disk" | "limit") {
  const folder = temporaryFolder();
  const disk = join(folder, "disk");
  mkdirSync(disk);
  const copy = join(folder, "copy.db");
  const [through, room] = kind === "disk" ? [smallDisk(disk), join(disk, "taken")] : [limitedFiles, "limit"];
  const program = startProgram("fill-disk", [join(disk, "blackboard.db"), room, copy], through);
  const outcomes = (await program.finish()).map((line): Outcome => {
    const [phase = "", id = "", ...result] = line.split(" ");
    return { phase, id, result: result.join(" ") };
  });
  const database = new Database(copy, { readonly: true });
  try {
    const ids = "SELECT brief_id FROM briefs UNION ALL SELECT event_id FROM events";
    const stored = new Set(database.prepare<[], string>(ids).pluck().all());
    const integrity = database.pragma("integrity_check", { simple: true });
    return { stored, integrity, of: (phase: string) => outcomes.filter((one) => one.phase === phase) };
  } finally {
    database.close();
  }
}

const acknowledged = (outcomes: readonly Outcome[]) => outcomes.filter(({ result }) => result === "ok");
const refused = (outcomes: readonly Outcome[]) => outcomes.filter(({ result }) => result !== "ok");

describe.each([
  ["a full disk", "disk", allowed(smallDisk(tmpdir()))],
  ["a limit on the size of files", "limit", allowed(limitedFiles)],
] as const)("%s", (_, kind, possible) => {
  // Filled once, by the first test that runs.
  let filling: ReturnType<typeof fill> | undefined;
  const filled = () => {
    filling ??= fill(kind);
    return filling;
  };

  test.skipIf(!possible)(
    "every acknowledged write is stored, and the first rejected one throws DISK_FULL",
    async () => {
      const { stored, integrity, of } = await filled();
      expect(integrity).toBe("ok");
      const single = of("single");
      expect(acknowledged(single).length).toBeGreaterThan(100);
      expect(acknowledged(single).filter(({ id }) => !stored.has(id))).toEqual([]);
      expect(refused(single).length).toBeGreaterThan(0);
      expect(new Set(refused(single).map(({ result }) => result))).toEqual(new Set(["FileError DISK_FULL"]));
      expect(refused(single).filter(({ id }) => stored.has(id))).toEqual([]);
    },
  );

  test.skipIf(!possible)("the same blackboard can write again when there is space", async () => {
    const { stored, of } = await filled();
    const after = of("after");
    expect(after).toHaveLength(100);
    expect(refused(after)).toEqual([]);
    expect(after.filter(({ id }) => !stored.has(id))).toEqual([]);
  });

  test.skipIf(!possible)("a transaction whose commit finds the disk full stores nothing", async () => {
    const { stored, of } = await filled();
    const commit = of("commit");
    expect(acknowledged(commit)).toHaveLength(30);
    expect(commit.at(-1)).toMatchObject({ id: "transaction", result: "FileError DISK_FULL" });
    expect(commit.filter(({ id }) => stored.has(id))).toEqual([]);
  });

  test.skipIf(!possible)(
    "a callback that catches the error of a full disk cannot write outside its transaction",
    async () => {
      const { stored, of } = await filled();
      const swallow = of("swallow");
      expect(refused(swallow)[0]).toMatchObject({
        id: expect.stringMatching(/^b-swallow/),
        result: "FileError DISK_FULL",
      });
      for (const id of ["b-tx", "b-board", "e-board", "nested", "transaction"]) {
        expect(swallow.find((one) => one.id === id)?.result).toBe("DatabaseError DATABASE");
      }
      expect(swallow.filter(({ id }) => id !== "e-drizzle" && stored.has(id))).toEqual([]);
    },
  );

  test.skipIf(!possible)(
    "a callback that catches the error of a full disk cannot write through tx.drizzle either",
    async () => {
      const { stored, of } = await filled();
      expect(of("swallow").map(({ id }) => id)).toContain("e-drizzle");
      expect(stored).not.toContain("e-drizzle");
    },
  );

  test.skipIf(!possible)("a claim is held through it, as long as the lease lasts", async () => {
    const folder = temporaryFolder();
    const disk = join(folder, "disk");
    mkdirSync(disk);
    const [through, room] = kind === "disk" ? [smallDisk(disk), join(disk, "taken")] : [limitedFiles, "limit"];
    const program = startProgram("hold-while-full", [join(disk, "blackboard.db"), room], through);
    expect(await program.finish()).toEqual(["ok", "FileError DISK_FULL", "ok", "ok"]);
  });
});
