/** Adapters for the peers; `../peers.ts` defines what is measured. JavaScript, because their types are installed only here. */
import { SqliteSaver } from "@langchain/langgraph-checkpoint-sqlite";
import { buildDBClient, SqliteQueue } from "liteque";
import PgBoss from "pg-boss";
import { better, defineQueue } from "plainjob";

const quiet = { error() {}, warn() {}, info() {}, debug() {} };

export function liteque(db) {
  // liteque opens the file itself, with a larger page cache than ours and synchronous NORMAL.
  const database = buildDBClient(db.name, { walEnabled: true, runMigrations: true });
  database.session.client.pragma(`synchronous = ${db.pragma("synchronous", { simple: true })}`);
  return new SqliteQueue("bench", database, { defaultJobArgs: { numRetries: 3 }, keepFailedJobs: true });
}

export function plainjob(db) {
  const synchronous = db.pragma("synchronous", { simple: true });
  const queue = defineQueue({ connection: better(db), logger: quiet });
  // The library has set its own level.
  db.pragma(`synchronous = ${synchronous}`);
  return {
    add: (payload) => void queue.add("coder", payload),
    addMany: (payloads) => void queue.addMany("coder", payloads),
    claim: () => {
      const { id } = queue.getAndMarkJobAsProcessing("coder");
      return queue.getJobById(id);
    },
    close: () => queue.close(),
  };
}

export function langgraph(db) {
  const saver = new SqliteSaver(db);
  let n = 0;
  return {
    put() {
      const id = `01938000-0000-7000-8000-${String(n++).padStart(12, "0")}`;
      const checkpoint = {
        v: 4,
        id,
        ts: new Date().toISOString(),
        channel_values: { agent: "coder-3", attempt: 1, seconds: 41.25, note: "passed on the first try" },
        channel_versions: {},
        versions_seen: {},
      };
      return saver.put(
        { configurable: { thread_id: "bench", checkpoint_ns: "" } },
        checkpoint,
        { source: "update", step: n, parents: {} },
        {},
      );
    },
  };
}

export async function boss(url, connections) {
  // Without background maintenance and schedules.
  const made = new PgBoss({ connectionString: url, max: connections, supervise: false, schedule: false });
  made.on("error", () => {});
  await made.start();
  const queue = `bench-${process.hrtime.bigint()}`;
  await made.createQueue(queue);
  return {
    send: (payload) => made.send(queue, payload),
    async fetch() {
      const [job] = await made.fetch(queue);
      return job.id;
    },
    complete: (id) => made.complete(queue, id),
    insert: (payload, count) => made.insert(Array.from({ length: count }, () => ({ name: queue, data: payload }))),
    async fetchMany(count) {
      const jobs = await made.fetch(queue, { batchSize: count });
      return jobs.map(({ id }) => id);
    },
    completeMany: (ids) => made.complete(queue, ids),
    supply: (payload, count) => made.insert(Array.from({ length: count }, () => ({ name: queue, data: payload }))),
    stop: () => made.stop({ graceful: false }),
  };
}
