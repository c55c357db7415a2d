/**
 * Records calls of node:fs that open, read, copy, move or remove a file, with the file's path. Node's own modules and
 * the bundle's imports use the recording functions, too.
 */
import fs, { statSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";

/** Calls that only query a path, such as statSync, open no descriptor and so drop no lock. */
const names = [
  "open openSync openAsBlob readFile readFileSync writeFile writeFileSync appendFile appendFileSync createReadStream",
  "createWriteStream copyFile copyFileSync cp cpSync truncate truncateSync unlink unlinkSync rm rmSync rename renameSync",
].flatMap((line) => line.split(" "));

const recorded: { call: string; path: string }[] = [];

function record(module: object): void {
  for (const name of names) {
    const original: unknown = Reflect.get(module, name);
    if (typeof original !== "function") continue;
    Reflect.set(module, name, (...args: unknown[]): unknown => {
      // The second argument is the destination of copies and renames.
      for (const path of args.slice(0, 2)) {
        if (typeof path === "string" || path instanceof URL || path instanceof Buffer) {
          recorded.push({ call: name, path: path instanceof URL ? path.pathname : path.toString() });
        }
      }
      return Reflect.apply(original, module, args);
    });
  }
}

record(fs);
record(fs.promises);
syncBuiltinESMExports();

const companions = ["", "-wal", "-shm", "-journal"];

/** The calls that `work` made on this database file or its companion files, by any name. */
export async function callsOn(file: string, work: () => unknown): Promise<string[]> {
  const inodes = new Map<bigint, string>();
  const learn = () => {
    for (const ending of companions) {
      const stats = statSync(file + ending, { bigint: true, throwIfNoEntry: false });
      if (stats) inodes.set(stats.ino, ending === "" ? "the database" : ending);
    }
  };
  learn();
  recorded.length = 0;
  await work();
  const calls = recorded.splice(0);
  learn();
  const touched = calls.flatMap(({ call, path }) => {
    const stats = isText(path) ? undefined : statSync(path, { bigint: true, throwIfNoEntry: false });
    const ending = companions.find((one) => path === file + one);
    const what = (stats && inodes.get(stats.ino)) ?? (ending === undefined ? undefined : ending || "the database");
    return what === undefined ? [] : [`${call} of ${what}`];
  });
  return [...new Set(touched)];
}

/** Functions that write take data as the second argument instead of a path. */
function isText(path: string): boolean {
  return path.length > 4096 || path.includes("\0");
}
