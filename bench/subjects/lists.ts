/** Operations on lists, compared with the same sets by hand and with what other packages have for many jobs. */
import { liteque, plainjob } from "../peers.ts";
import { reference } from "../reference.ts";
import { detail, payload, result } from "../samples.ts";
import type { Board, Sites } from "../sites.ts";
import { calling, type Line, type Side, type Subject, writing } from "../subject.ts";
import { type ByHand, type ClaimRef, listsByHand } from "./lists-by-hand.ts";

/** As many at a time as a worker would take. */
const taken = 32;
const request = { agentId: "agent", leaseMs: 600_000, limit: taken };
const brief = { tier: 1, role: "coder", payload };

const spawnOn = (board: Board, count: number) =>
  board.spawnBriefs(
    Array.from({ length: count }, () => brief),
    detail,
  );

/** A side whose call is `count` calls of another one. */
function repeated(side: Side | undefined, count: number): Side | undefined {
  return side && { timeMs: (calls) => side.timeMs(calls * count) };
}

/** The sides that were installed. */
function present(sides: Record<string, Side | undefined>): Record<string, Side> {
  return Object.fromEntries(Object.entries(sides).flatMap(([name, side]) => (side ? [[name, side]] : [])));
}

function spawning(count: number, peers: (sites: Sites) => Promise<Record<string, Side | undefined>>): Line {
  return {
    name: `spawnBriefs of ${count}`,
    levels: writing,
    async sides(sites) {
      const [board, hand] = [sites.board(), listsByHand(sites.raw())];
      return {
        ours: calling(() => spawnOn(board, count)),
        raw: calling(() => hand.spawn(count)),
        ...present(await peers(sites)),
      };
    },
  };
}

/** What the calls of a block use up, made before it is timed. */
function supplied<Item>(make: () => Item) {
  let items: Item[] = [];
  return {
    supply(calls: number) {
      items = Array.from({ length: calls }, make);
    },
    next(): Item {
      const item = items.pop();
      if (item === undefined) throw new Error("nothing is left of the supply");
      return item;
    },
  };
}

function usingClaims(
  name: string,
  ours: (board: Board, claims: ClaimRef[]) => unknown,
  raw: (hand: ByHand, claims: ClaimRef[]) => unknown,
  peers: (sites: Sites) => Promise<Record<string, Side | undefined>>,
): Line {
  return {
    name,
    levels: writing,
    async sides(sites) {
      const [board, hand] = [sites.board(), listsByHand(sites.raw())];
      const own = supplied(() => {
        spawnOn(board, taken);
        return board.claimBriefs(request);
      });
      const byHand = supplied(() => {
        hand.spawn(taken);
        return hand.claim(taken).map(claimOf);
      });
      return {
        ours: calling(() => ours(board, own.next()), own.supply),
        raw: calling(() => raw(hand, byHand.next()), byHand.supply),
        ...present(await peers(sites)),
      };
    },
  };
}

function claimOf(row: ReturnType<ByHand["claim"]>[number]) {
  const { role, attempt, leaseExpiresAt } = row;
  return { brief: row, role, attempt, agentId: "agent", leaseExpiresAt };
}

export const lists: Subject = {
  name: "lists",
  lines: [
    spawning(96, async (sites) => ({
      reference: repeated((await reference(sites, "spawnBrief")).reference, 96),
      liteque: repeated((await liteque(sites, payload)).liteque, 96),
    })),
    // plainjob adds a hundred in one transaction; it keeps no log.
    spawning(100, async (sites) => ({ plainjob: (await plainjob(sites, payload)).plainjobMany })),
    {
      name: `claimBriefs of ${taken}`,
      levels: writing,
      async sides(sites) {
        const [board, hand] = [sites.board(), listsByHand(sites.raw())];
        const supply = (spawn: () => unknown) => (calls: number) => {
          for (let n = 0; n < calls; n++) spawn();
        };
        return {
          ours: calling(
            () => board.claimBriefs(request).map((claim) => claim.brief),
            supply(() => spawnOn(board, taken)),
          ),
          raw: calling(
            () => hand.claim(taken),
            supply(() => hand.spawn(taken)),
          ),
          // It claims one at a time.
          ...present({ plainjob: repeated((await plainjob(sites, payload)).plainjob, taken) }),
        };
      },
    },
    usingClaims(
      `completeBriefs of ${taken}`,
      (board, claims) => board.completeBriefs(claims.map((ref) => ({ ref, result, detail }))).map((done) => done.brief),
      (hand, claims) => hand.complete(claims),
      async (sites) => ({ reference: repeated((await reference(sites, "completeBrief")).reference, taken) }),
    ),
    usingClaims(
      `renewClaims of ${taken}`,
      (board, claims) => board.renewClaims(claims, { leaseMs: 600_000 }).renewed,
      (hand, claims) => hand.renew(claims),
      async () => ({}),
    ),
  ],
};
