/** Roles: schemas for payloads and results, declared with any Standard Schema library. */
import { runInNewContext } from "node:vm";
import { type } from "arktype";
import { InvalidInputError, type Roles } from "run-blackboard";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { steering } from "../input/hostile.ts";
import { caught, type Engine, everything, refused } from "./engine.ts";

/** The same declaration in three libraries. */
const libraries: [string, Roles[string]][] = [
  [
    "zod",
    {
      payload: z.object({ task: z.string(), tries: z.number().default(1) }),
      result: z.object({ lines: z.number(), tags: z.array(z.object({ name: z.string() })).optional() }),
    },
  ],
  [
    "valibot",
    {
      payload: v.object({ task: v.string(), tries: v.optional(v.number(), 1) }),
      result: v.object({ lines: v.number(), tags: v.optional(v.array(v.object({ name: v.string() }))) }),
    },
  ],
  [
    "arktype",
    {
      payload: type({ task: "string", tries: "number = 1" }),
      result: type({ lines: "number", "tags?": type({ name: "string" }).array() }),
    },
  ],
];

function fail(): never {
  throw new TypeError("was read");
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function* endless(): Generator<{ message: string }> {
  for (;;) yield { message: "no" };
}

export function roles(engine: Engine): void {
  async function openWith(declared: Roles) {
    const place = await engine.place();
    const board = await place.open({ runId: "run-1", roles: declared });
    await board.createRun("a goal");
    return { place, board };
  }

  describe.each(libraries)("roles declared with %s", (_, coder) => {
    const declared: Roles = { coder, idler: {} };
    const brief = { briefId: "b", tier: 1, role: "coder" };

    test("store the schema's output for a payload", async () => {
      const { board } = await openWith(declared);
      const stored = await board.createBrief({ ...brief, payload: { task: "write" } });
      expect(stored.payload).toEqual({ task: "write", tries: 1 });
      expect(await board.getBrief("b")).toStrictEqual(stored);
      const again = await board.spawnBrief({ ...brief, payload: { task: "write", tries: 1 } });
      expect(again).toStrictEqual(stored);
    });

    test("reject an invalid payload with the schema's paths and store nothing", async () => {
      const { board, place } = await openWith(declared);
      for (const create of ["createBrief", "spawnBrief"] as const) {
        await refused(place, ["payload.task"], () => board[create]({ ...brief, payload: { task: 5 } }));
        await refused(place, ["payload.task"], () => board[create](brief));
        await refused(place, ["payload.task", "tier"], () => board[create]({ ...brief, tier: -1, payload: {} }));
      }
    });

    test("check a result when it is stored: by claim, by id and by the low-level update", async () => {
      const { board, place } = await openWith(declared);
      await board.createBrief({ ...brief, payload: { task: "write" } });
      const claim = await board.claimBrief({ agentId: "w", leaseMs: 1000 });
      if (!claim) return expect.fail("nothing to claim");
      const bad = { lines: 1, tags: [{ name: "a" }, { name: 5 }] };
      for (const call of [
        () => board.completeBrief(claim, bad),
        () => board.completeBrief("b", bad),
        () => board.updateBriefResult("b", bad),
      ]) {
        await refused(place, ["result.tags[1].name"], call);
      }
      expect((await board.completeBrief(claim, { lines: 3 })).result).toEqual({ lines: 3 });
    });

    test("accept any object for a role without schemas", async () => {
      const { board } = await openWith(declared);
      expect(await board.createBrief({ briefId: "i", tier: 1, role: "idler", payload: { any: 1 } })).toMatchObject({
        payload: { any: 1 },
      });
      expect((await board.completeBrief("i", { thing: 1 })).result).toEqual({ thing: 1 });
    });

    test("reject an undeclared role in every argument", async () => {
      const { board, place } = await openWith(declared);
      await refused(place, ["role"], () => board.createBrief({ tier: 1, role: "codr" }));
      await refused(place, ["role"], () => board.listBriefs({ role: "codr" }));
      await refused(place, ["role[1]"], () => board.claimBrief({ agentId: "w", leaseMs: 1, role: ["coder", "codr"] }));
    });
  });

  describe("roles", () => {
    test("do not validate rows that are read, nor results of a role that another program stored", async () => {
      const { place, board } = await openWith({ coder: { payload: z.object({ task: z.string() }) } });
      const insert = (briefId: string, role: string, payload: string) =>
        place.sql(
          `INSERT INTO briefs (brief_id, run_id, tier, role, status, payload, retry_count, created_at, updated_at)
           SELECT '${briefId}', run_id, 1, '${role}', 'pending', '${payload}', 0, created_at, created_at FROM runs`,
        );
      await insert("b", "coder", '{"other":"shape"}');
      await insert("s", "stranger", "{}");
      expect((await board.getBrief("b"))?.payload).toEqual({ other: "shape" });
      expect((await board.listBriefs()).items).toHaveLength(2);
      expect((await board.completeBrief("s", { any: 1 })).status).toBe("done");
    });

    test("validate a result for the role that is stored, whatever role its claim states", async () => {
      const n = z.object({ n: z.number().transform((n) => n + 1) });
      const { place, board } = await openWith({
        coder: { result: n },
        tester: { result: z.object({ text: z.string() }) },
      });
      await board.spawnBriefs(["a", "b", "c", "d", "e"].map((briefId) => ({ briefId, tier: 1, role: "coder" })));
      const claims = await board.claimBriefs({ agentId: "w", leaseMs: 1000, limit: 5 });
      const throwing = Object.defineProperty({}, "role", { enumerable: true, get: fail });
      const [a, b, c, d, e] = claims.map((claim, index) =>
        Object.defineProperties(
          { ...claim, role: "tester" },
          index === 2 || index === 3 ? Object.getOwnPropertyDescriptors(throwing) : {},
        ),
      );
      if (!a || !b || !c || !d || !e) return expect.fail("nothing to claim");
      await refused(place, ["result.n"], () => board.completeBrief(a, { text: "" }));
      await refused(place, ["completions[0].result.n"], () => board.completeBriefs([{ ref: a, result: { text: "" } }]));
      expect((await board.completeBrief(a, { n: 1 })).result).toEqual({ n: 2 });
      expect((await board.completeBrief(c, { n: 1 })).result).toEqual({ n: 2 });
      const completed = await board.completeBriefs([b, d].map((ref) => ({ ref, result: { n: 1 } })));
      expect(completed.map(({ brief }) => brief?.result)).toEqual([{ n: 2 }, { n: 2 }]);
      expect((await board.completeBrief({ ...e, role: "coder" }, { n: 1 })).result).toEqual({ n: 2 });
    });

    test("whose schema returns values that JSON cannot represent, or a promise, are rejected", async () => {
      const { board, place } = await openWith({
        date: { payload: z.object({ at: z.string() }).transform(({ at }) => ({ at: new Date(at) })) },
        list: { payload: z.object({}).transform(() => [1]) },
        later: { payload: z.object({}).refine(async () => true) },
      });
      await refused(place, ["payload.at"], () =>
        board.createBrief({ tier: 1, role: "date", payload: { at: "2026-01-01" } }),
      );
      await refused(place, ["payload"], () => board.createBrief({ tier: 1, role: "list" }));
      const error = await refused(place, ["payload"], () => board.createBrief({ tier: 1, role: "later" }));
      expect(error.message).toContain("promise");
    });

    test("whose schema throws cause an error with the thrown value as its cause", async () => {
      const cause = new Error("broken");
      const broken = {
        "~standard": {
          version: 1,
          vendor: "ours",
          validate: () => {
            throw cause;
          },
        },
      } as const;
      const { board, place } = await openWith({ coder: { payload: broken } });
      const error = await refused(place, ["payload"], () => board.createBrief({ tier: 1, role: "coder" }));
      expect(error.cause).toBe(cause);
    });

    const odd: [string, () => unknown, string[]][] = [
      ["no issue in its issues", () => ({ issues: [] }), ["payload"]],
      ["issues together with a value", () => ({ value: {}, issues: [] }), ["payload"]],
      ["issues that are not iterable", () => ({ issues: 5 }), ["payload"]],
      ["null for issues", () => ({ issues: null }), ["payload"]],
      ["an invalid issue", () => ({ issues: [null, 5, {}] }), ["payload"]],
      ["a path that is not a list", () => ({ issues: [{ message: "no", path: "task" }] }), ["payload"]],
      [
        "a path of unusual keys",
        () => ({ issues: [{ message: "no", path: [{}, Symbol("s"), { key: 3 }] }] }),
        ['payload["{}"]["Symbol(s)"][3]'],
      ],
      ["endless issues", () => ({ issues: endless() }), ["payload"]],
      ["neither a value nor issues", () => ({}), ["payload"]],
      ["nothing", () => undefined, ["payload"]],
      ["text", () => "fine", ["payload"]],
      ["a value that is not an object", () => ({ value: 5 }), ["payload"]],
      ["a promise of a different realm", () => runInNewContext("Promise.reject(new Error('late'))"), ["payload"]],
      ["a thenable", () => runInNewContext("({ then() {} })"), ["payload"]],
      ["a revoked proxy", () => revoked(), ["payload"]],
      ["a value that is a revoked proxy", () => ({ value: revoked() }), ["payload"]],
      ["issues that throw", () => Object.defineProperty({}, "issues", { get: () => fail() }), ["payload"]],
      [
        "an issue that throws",
        () => ({ issues: [Object.defineProperty({}, "path", { get: () => fail() })] }),
        ["payload"],
      ],
      [
        "a long message with terminal control characters",
        () => ({ issues: [{ message: `\u202e\n${"x".repeat(1e6)}` }] }),
        ["payload"],
      ],
    ];
    test.each(odd)("whose schema returns %s are rejected, and nothing is stored", async (_, answer, paths) => {
      const schema = {
        "~standard": { version: 1, vendor: "ours", validate: answer as () => { value: object } },
      } as const;
      const { board, place } = await openWith({ coder: { payload: schema } });
      const error = await refused(place, paths, () => board.createBrief({ tier: 1, role: "coder" }));
      expect(error.message.length).toBeLessThan(10_000);
      expect(error.message).not.toMatch(steering);
    });

    test("are listed in a message only as far as they fit on one line", async () => {
      const many = Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`role ${n} \u202e`, {}]));
      const { board, place } = await openWith(many);
      const error = await refused(place, ["role"], () => board.createBrief({ tier: 1, role: "x" }));
      expect(error.message).toMatch(/ and \d+ more/);
      expect(error.message.length).toBeLessThan(1000);
      expect(error.message).not.toMatch(steering);
    });

    test("keep the declaration as it was on opening, even if it changes later", async () => {
      const { proxy, revoke } = Proxy.revocable<Roles>({ coder: { payload: z.object({ task: z.string() }) } }, {});
      const { board, place } = await openWith(proxy);
      revoke();
      await refused(place, ["payload.task"], () => board.createBrief({ tier: 1, role: "coder" }));
      await board.createBrief({ tier: 1, role: "coder", payload: { task: "write" } });
    });

    test("with a misspelt key are rejected on opening, because the key would disable validation", async () => {
      const place = await engine.place();
      const wrong: [unknown, string][] = [
        [{ coder: { paylod: z.object({}) } }, "paylod"],
        [{ coder: { payload: { parse: () => ({}) } } }, 'roles["coder"].payload'],
        [{ coder: 5 }, 'roles["coder"]'],
        [{ "": {} }, 'roles[""], the name'],
        [[], "roles"],
        [null, "roles"],
      ];
      for (const [declared, path] of wrong) {
        const error = await caught(InvalidInputError, () => place.open({ runId: "run-1", roles: declared as Roles }));
        expect(error.issues.map((issue) => issue.path)).toEqual([path]);
      }
      const board = await place.open({ runId: "run-1", roles: {} });
      await board.createRun("a goal");
      await board.createBrief({ tier: 1, role: "any", payload: { at: "all" } });
      expect((await everything(place)).briefs).toHaveLength(1);
    });
  });
}
