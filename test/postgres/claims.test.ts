/** Several processes that claim briefs of one run on a server. */
import { describe, onTestFinished, test } from "vitest";
import { expectComplete, expectInOrder, fill, fillGraph, startWorkers, workKilling } from "../processes/pool.ts";
import { freshSchema, hasServer, open } from "./fresh.ts";
import { startPrivateServer } from "./server.ts";

describe.skipIf(!hasServer)("a pool of workers", () => {
  test("8 processes claim each of 2,000 briefs once and complete them, including the brief of a killed worker", async () => {
    const schema = await freshSchema();
    const board = await open(schema, { runId: "pool" });
    await fill(board, 2000);
    const workers = await startWorkers(8, schema.url, 2000);
    for (const worker of workers) worker.say("begin");
    const [victim, ...survivors] = workers;
    await victim?.until((lines) => lines.length > 40 || undefined);
    victim?.kill();
    await Promise.all(survivors.map((worker) => worker.finish()));
    await expectComplete(board, workers, 2000);
  });

  test("killed with SIGKILL between a blocker's completion and the next claim leave every brief in order", async () => {
    const schema = await freshSchema();
    const board = await open(schema, { runId: "pool" });
    const [workers] = await Promise.all([workKilling(6, schema.url, 500), fillGraph(board, 240, 12)]);
    await expectComplete(board, workers, 240);
    await expectInOrder(workers, schema.sql);
  });

  test("completes each brief once although the server is restarted as by a crash", async () => {
    const server = startPrivateServer();
    if (!server) throw new Error("PostgreSQL is not installed");
    onTestFinished(() => server.stop());
    const schema = await freshSchema(server.url);
    const board = await open(schema, { runId: "pool" });
    await fill(board, 400);
    const workers = await startWorkers(4, schema.url, 1500);
    for (const worker of workers) worker.say("begin");
    await Promise.all(workers.map((worker) => worker.until((lines) => lines.length > 20 || undefined)));
    server.restart("immediate");
    // The fastest: a slow one may find nothing left.
    await Promise.any(workers.map((worker) => worker.until((lines) => lines.length > 50 || undefined)));
    server.restart("immediate");
    await Promise.all(workers.map((worker) => worker.finish()));
    await expectComplete(board, workers, 400);
  });
});
