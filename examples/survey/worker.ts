/** A worker process, started by `workers.ts`: `worker.ts RUN FOLDER [POSTGRES]`. Exits with 0 when the survey is complete. */
import { hostname } from "node:os";
import { BlackboardError } from "run-blackboard";
import { openBoard } from "./board.ts";
import { work } from "./work.ts";

const [runId = "", folder = "", postgres] = process.argv.slice(2);

const stop = new AbortController();
// The parent disconnects to stop a worker, or when it dies. A terminal sends Ctrl-C to the parent and to the workers.
for (const event of ["disconnect", "SIGINT", "SIGTERM"]) process.on(event, () => stop.abort());
if (!process.connected) stop.abort();

try {
  await using board = await openBoard(runId, postgres);
  await work({ board, folder, agentId: `${hostname()}/${process.pid}`, signal: stop.signal });
  if (stop.signal.aborted) process.exitCode = 1;
} catch (error) {
  if (!(error instanceof BlackboardError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
} finally {
  if (process.connected) process.disconnect();
}
