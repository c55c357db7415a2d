/**
 * The runs that an MCP server works on: one, or each by its id. They are opened at the first call and stay open.
 */
import { statSync } from "node:fs";
import type { RunListing } from "../../index.ts";
import { importFiles, importPostgres } from "../imports.ts";
import { type LocationOptions, type RunOptions, serverOf } from "../locations.ts";
import { describeError } from "../output.ts";
import { isPath } from "../runs-by-name.ts";
import { type Board, openToCreate, openToWrite } from "../writing.ts";
import { invalid } from "./input.ts";
import { runId } from "./schemas.ts";
import { type Calling, type Tool, tool } from "./tool.ts";

/** `file` tells whether the run's file is still the one that was opened. */
interface Open {
  readonly board: Board;
  readonly file: string | undefined;
}
type Opening = (run: string, options: RunOptions) => Promise<Board>;

export class Boards {
  readonly #options: RunOptions;
  readonly #open = new Map<string, Promise<Open>>();

  constructor(options: RunOptions) {
    this.#options = options;
  }

  /** What a call of a tool may use; `given` is the run as the command was given it. */
  calling(given: string | undefined, signal: AbortSignal): Calling {
    const run = () => given ?? missing();
    return {
      board: () => this.#board(run(), openToWrite),
      create: () => this.#board(run(), openToCreate),
      signal,
    };
  }

  async #board(run: string, opening: Opening): Promise<Board> {
    const asked = this.#open.get(run);
    const known = await asked;
    if (known && known.file === identityOf(known.board)) return known.board;
    // Another call may have opened it again meanwhile.
    if (known && this.#open.get(run) === asked) {
      this.#open.delete(run);
      await known.board.close();
    }
    const opened = this.#open.get(run) ?? this.#openNow(run, opening);
    this.#open.set(run, opened);
    return (await opened).board;
  }

  async #openNow(run: string, opening: Opening): Promise<Open> {
    try {
      const board = await opening(run, this.#options);
      return { board, file: identityOf(board) };
    } catch (error) {
      this.#open.delete(run);
      throw error;
    }
  }

  async close(): Promise<void> {
    for (const opened of await Promise.allSettled(this.#open.values())) {
      if (opened.status === "fulfilled") await opened.value.board.close();
    }
  }
}

/** Tells a file from one that replaces it; `undefined` for none, and for a database. */
function identityOf({ location }: Board): string | undefined {
  const found = statSync(location, { throwIfNoEntry: false });
  return found && `${found.dev}:${found.ino}`;
}

function missing(): never {
  throw invalid("run", "must be the id of a run");
}

/** The same tool with the run as an argument. A path would reach files outside of the root. */
export function ofAnyRun(one: Tool, boards: Boards): Tool {
  return {
    ...one,
    properties: { run: runId, ...one.properties },
    required: ["run", ...one.required],
    bind: (validate, schema) => {
      const check = validate<{ run: string }>(schema);
      const call = one.bind(validate, { type: "object" });
      return async (given, { signal }) => {
        const checked = check(given);
        if (!checked.valid) throw invalid("arguments", checked.errorMessage);
        const { run, ...asked } = checked.data;
        if (isPath(run)) throw invalid("run", "must be an id, not a path");
        return await call(asked, boards.calling(run, signal));
      };
    },
  };
}

export function listRunsTool(options: LocationOptions): Tool {
  return tool<Record<string, never>>({
    name: "list_runs",
    description:
      "Lists the runs: { runs: [{ runId, goal, status, briefs }] }, where briefs is the number by status. For a run that can't be read, error instead.",
    properties: {},
    reads: true,
    call: async () => {
      const server = serverOf(options);
      const listed: readonly RunListing[] = server
        ? await (await importPostgres()).listPostgresRuns(server)
        : (await importFiles()).listRuns({ root: options.root });
      return { runs: listed.map(shortly) };
    },
  });
}

function shortly({ runId: id, run, summary, error }: RunListing): object {
  if (error) return { runId: id, error: describeError(error) };
  return { runId: id, goal: run?.goal ?? null, status: run?.status ?? null, briefs: summary?.briefs ?? null };
}
