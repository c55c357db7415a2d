/**
 * What dependencies and waiting briefs cost. Graphs: claiming and completing all briefs of a graph ÷ the same number without
 * dependencies. Idle claims: in a run with 10,000 briefs that wait for others, 10,000 before their time and 10,000 in a blocked
 * workstream ÷ in an empty run, on both engines.
 */
import type { BlackboardOperations, Mode, NewBrief } from "run-blackboard";
import { openPostgresBlackboard } from "run-blackboard/postgres";
import { startPrivateServer } from "../test/postgres/server.ts";
import { type Comparison, compare, type Effort, type Spread, spread } from "./measure.ts";
import { type Rows, ratio, short } from "./report.ts";
import { idOf, payload, result } from "./samples.ts";
import { type Board, runId, Sites } from "./sites.ts";
import { awaiting, calling } from "./subject.ts";

export interface GraphFigures {
  readonly shape: string;
  readonly briefs: number;
  readonly microseconds: number;
  readonly ratio: Spread;
}
export interface IdleFigures extends Comparison {
  readonly engine: string;
  readonly line: string;
}

/** The ids that brief `n` of `count` comes after. */
type Shape = (n: number, count: number) => readonly number[];
/** `after` has at most 1,000 ids. */
const collectors = 10;
const layers = 20;

const shapes: Record<string, Shape> = {
  independent: () => [],
  "fan-out": (n) => (n > 0 ? [0] : []),
  // Ten collectors share the briefs, and the last brief comes after the ten.
  "fan-in": (n, count) => {
    const leaves = count - collectors - 1;
    if (n < leaves) return [];
    if (n === count - 1) return Array.from({ length: collectors }, (_, each) => leaves + each);
    return Array.from({ length: leaves }, (_, leaf) => leaf).filter((leaf) => leaf % collectors === n - leaves);
  },
  "twenty layers": (n, count) => {
    const width = count / layers;
    const before = Math.floor(n / width - 1) * width;
    return before < 0 ? [] : [0, 1, 2].map((step) => before + ((n * 7 + step * 131) % width));
  },
  chain: (n) => (n > 0 ? [n - 1] : []),
};

export function graphs(briefs: number, rounds: number): GraphFigures[] {
  const times: Record<string, number[]> = {};
  const baseline: number[] = [];
  for (let round = 0; round < rounds; round++) {
    baseline.push(drain(briefs, shapes.independent));
    const order = Object.entries(shapes).sort(() => Math.random() - 0.5);
    for (const [name, shape] of order) {
      times[name] ??= [];
      times[name].push(drain(briefs, shape));
    }
  }
  return Object.keys(shapes).map((shape) => {
    const own = times[shape] ?? [];
    return {
      shape,
      briefs,
      microseconds: (spread(own).median / briefs) * 1000,
      ratio: spread(own.map((time, round) => time / (baseline[round] ?? Number.NaN))),
    };
  });
}

/** Creates the graph, and returns the milliseconds that claiming and completing all of it takes. */
function drain(count: number, shape: Shape = () => []): number {
  using sites = new Sites("normal");
  const board = sites.board();
  board.transaction((tx) => {
    for (let n = 0; n < count; n++) tx.spawnBrief({ ...brief(n), after: shape(n, count).map(idOf) });
  });
  const start = performance.now();
  let done = 0;
  for (let claim = take(board); claim; claim = take(board)) {
    board.completeBrief(claim, result);
    done++;
  }
  const took = performance.now() - start;
  if (done !== count) throw new Error(`${done} of ${count} briefs were completed`);
  return took;
}

const brief = (n: number): NewBrief => ({ briefId: idOf(n), tier: 1, role: "coder", payload });
const take = (board: Board) => board.claimBrief({ agentId: "agent", leaseMs: 600_000 });

/** Which of the three kinds of briefs a run is full of. */
const kinds = {
  "that wait for others": ["waiting"],
  "before their time": ["delayed"],
  "in a blocked workstream": ["blocked"],
  "of all three kinds": ["waiting", "delayed", "blocked"],
} as const;
type Kind = (typeof kinds)[keyof typeof kinds][number];

async function fillIdle(board: BlackboardOperations<Mode>, each: number, wanted: readonly Kind[]): Promise<void> {
  const notBefore = new Date(Date.now() + 1e9);
  await board.createWorkstream({ workstreamId: "held", name: "held", tier: 1 });
  // An active brief, which is not completed.
  await board.createBrief({ ...brief(0), briefId: "blocker" });
  await board.updateBriefStatus("blocker", "active");
  for (let n = 0; n < each; n++) {
    if (wanted.includes("waiting")) await board.createBrief({ ...brief(n), briefId: `w${n}`, after: ["blocker"] });
    if (wanted.includes("delayed")) await board.createBrief({ ...brief(n), briefId: `d${n}`, notBefore });
    if (wanted.includes("blocked")) await board.createBrief({ ...brief(n), briefId: `b${n}`, workstreamId: "held" });
  }
  await board.updateWorkstreamStatus("held", "blocked");
}

const request = { agentId: "idle", leaseMs: 60_000 };

export async function idleClaims(effort: Effort, each: number): Promise<IdleFigures[]> {
  const figures: IdleFigures[] = [];
  for (const [line, wanted] of Object.entries(kinds)) {
    using sites = new Sites("normal");
    const [empty, full] = [sites.board(), sites.board()];
    full.drizzle.$client.exec("BEGIN");
    await fillIdle(full, each, wanted);
    full.drizzle.$client.exec("COMMIT");
    // The first claim parks the briefs of the blocked workstream.
    full.claimBrief(request);
    const sides = { ours: calling(() => full.claimBrief(request)), raw: calling(() => empty.claimBrief(request)) };
    figures.push({ engine: "SQLite", line, ...(await compare(sides, effort)) });
  }
  return figures;
}

export async function idleClaimsOnPostgres(effort: Effort, each: number): Promise<IdleFigures[]> {
  const server = startPrivateServer();
  if (!server) return [];
  const figures: IdleFigures[] = [];
  try {
    for (const [line, wanted] of Object.entries(kinds)) {
      const [empty, full] = await Promise.all(
        ["empty", "full"].map((name) => openPostgresBlackboard({ runId: `${name} ${line}`, connection: server.url })),
      );
      if (!empty || !full) throw new Error("expected two blackboards");
      for (const board of [empty, full]) await board.createRun(runId);
      await full.transaction((tx) => fillIdle(tx, each, wanted));
      await full.claimBrief(request);
      const sides = { ours: awaiting(() => full.claimBrief(request)), raw: awaiting(() => empty.claimBrief(request)) };
      figures.push({ engine: "PostgreSQL", line, ...(await compare(sides, effort)) });
      // A claim passes the dead index entries of parked briefs until the server's autovacuum has run, which takes a minute at most.
      await full.drizzle.$client.query("VACUUM run_blackboard.briefs");
      figures.push({ engine: "PostgreSQL", line: `${line}, vacuumed`, ...(await compare(sides, effort)) });
      await Promise.all([empty.close(), full.close()]);
    }
    return figures;
  } finally {
    server.stop();
  }
}

export function graphRows(figures: readonly GraphFigures[]): Rows {
  const head = ["graph", "briefs", "claim and complete µs", "÷ without dependencies"];
  const rows = figures.map(({ shape, briefs, microseconds, ratio: spread }) => [
    shape,
    briefs.toLocaleString("en"),
    short(microseconds),
    ratio(spread),
  ]);
  return [head, ...rows];
}

export function idleRows(figures: readonly IdleFigures[]): Rows {
  const head = ["idle claims among briefs", "engine", "empty run µs", "full run µs", "full ÷ empty"];
  const rows = figures.map(({ engine, line, microseconds, ratios }) => [
    line,
    engine,
    short(microseconds.raw),
    short(microseconds.ours),
    ratio(ratios.ours),
  ]);
  return [head, ...rows];
}
