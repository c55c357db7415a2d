/** Which values payload, result and detail accept, and which JSON cannot represent. */
import { deepStrictEqual } from "node:assert";
import { runInNewContext } from "node:vm";
import { InvalidInputError, type PlainObject } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { type Board, caughtUnchanged, type Engine, openRun, refused } from "./engine.ts";

/** The three columns that store JSON, each written and read back. */
const columns: { column: string; write(board: Board, value: PlainObject): Promise<unknown> }[] = [
  { column: "payload", write: storePayload },
  {
    column: "result",
    async write(board, result) {
      await board.createBrief({ briefId: "b", tier: 0, role: "coder" });
      await board.updateBriefResult("b", result);
      return (await board.getBrief("b"))?.result;
    },
  },
  {
    column: "detail",
    async write(board, detail) {
      await board.logEvent("spawned", { detail });
      return (await board.listEvents()).items.at(-1)?.detail;
    },
  },
];

async function storePayload(board: Board, payload: PlainObject): Promise<unknown> {
  const { briefId } = await board.createBrief({ tier: 0, role: "coder", payload });
  return (await board.getBrief(briefId))?.payload;
}

class Task {
  name = "task";
}
class Tasks extends Array<number> {}

/** Nests objects, `{ next: { next: … } }`, or arrays, `{ next: [[…]] }`, to the given depth. */
function nested(levels: number, wrap: (inner: unknown) => unknown): { next: unknown } {
  let value = wrap(null);
  for (let level = 2; level < levels; level++) value = wrap(value);
  return { next: value };
}
const inObject = (next: unknown) => ({ next });
const inArray = (next: unknown) => [next];

const ring: { name: string; self?: unknown; list: unknown[] } = { name: "ring", list: [1] };
ring.self = ring;
ring.list.push(ring.list);

const shared = { shared: true };

/** Rejected values and the paths of their issues. */
const flaws: [string, object, string[]][] = [
  ["NaN", { a: Number.NaN }, [".a"]],
  ["infinities", { a: [Number.POSITIVE_INFINITY, 0, Number.NEGATIVE_INFINITY] }, [".a[0]", ".a[2]"]],
  ["a BigInt", { a: { b: 1n } }, [".a.b"]],
  ["a function", { a: { b: [() => 1] } }, [".a.b[0]"]],
  ["a method", { a() {} }, [".a"]],
  ["a symbol", { a: Symbol("x") }, [".a"]],
  ["a symbol for a key", { a: { [Symbol("x")]: 1 } }, [".a"]],
  ["a symbol for a key at the top", { [Symbol("x")]: 1 }, [""]],
  ["a Date", { a: new Date(0) }, [".a"]],
  ["a Map and a Set", { a: new Map(), b: new Set() }, [".a", ".b"]],
  ["bytes", { a: new Uint8Array(3), b: Buffer.from("x"), c: new ArrayBuffer(1) }, [".a", ".b", ".c"]],
  ["an instance of a class", { items: [{}, new Task()] }, [".items[1]"]],
  ["an instance of a class of arrays", { a: Tasks.of(1) }, [".a"]],
  ["an Error", { a: new Error("x") }, [".a"]],
  ["a promise", { a: Promise.resolve(1) }, [".a"]],
  ["a regular expression", { a: /x/ }, [".a"]],
  [
    "an object around a string, a number or a boolean",
    { a: Object("x"), b: Object(1), c: Object(true) },
    [".a", ".b", ".c"],
  ],
  ["an instance of a class at the top", new Task(), [""]],
  ["undefined in an array", { a: [1, undefined] }, [".a[1]"]],
  ["a hole in an array", { a: Object.assign([1], { 2: 3 }) }, [".a[1]"]],
  ["an object in itself", ring, [".self", ".list[1]"]],
  ["501 levels of objects", nested(501, inObject), [`${".next".repeat(500)}`]],
  ["501 levels of arrays", nested(501, inArray), [`.next${"[0]".repeat(499)}`]],
  ["100,000 levels", nested(100_000, inObject), [`${".next".repeat(500)}`]],
  ["a lone surrogate in a string", { a: ["\ud800", "x\udfff"] }, [".a[0]", ".a[1]"]],
  ["a lone surrogate in a key", { a: { "\udc00": 1 } }, [".a"]],
  ["NUL in a string", { a: "x\0" }, [".a"]],
  ["NUL in a key", { a: { "\0": 1 } }, [".a"]],
  ["an object with a toJSON method", { a: { toJSON: () => 1 } }, [".a.toJSON"]],
  ["several invalid values", { a: Number.NaN, b: [undefined], c: { d: 1n } }, [".a", ".b[0]", ".c.d"]],
];

const notObjects: unknown[] = [[1], [], "x", "{}", 5, true, Symbol("x"), 1n, () => ({}), new Date(0), new Map()];

/** Accepted values, which read back as JSON represents them. */
const sound: [string, object][] = [
  ["nothing", {}],
  ["every kind of value", { a: null, b: true, c: false, d: 0, e: "", f: [], g: {}, h: [[], [{}]] }],
  [
    "numbers to their last digit",
    { a: [0.1, 1 / 3, 5e-324, Number.MAX_VALUE, 2 ** 53 - 1, -(2 ** 53) + 1, 1e21, -1e-7] },
  ],
  ["a negative zero, as zero", { a: -0 }],
  [
    "text of any script, control characters and line separators",
    { a: 'é中🪝\u0001\u001f\u007f\u2028\u2029\ufeff\uffff\t\n"\\/' },
  ],
  ["what looks like an escape", { a: "\\u0000 \\ud800 \\n", "\\u0000": 1 }],
  ["keys of any kind", { "": 1, " ": 2, "a.b": 3, "a[0]": 4, 0: 5, '"': 6, "🪝": 7, "\n": 8 }],
  [
    "keys that every object knows",
    JSON.parse('{"constructor": 1, "toString": {"hasOwnProperty": null}, "length": -1}'),
  ],
  [
    "an own key __proto__",
    JSON.parse('{"__proto__": {"polluted": true}, "a": {"__proto__": [1]}, "b": [{"__proto__": null}]}'),
  ],
  ["500 levels of objects", nested(500, inObject)],
  ["500 levels of arrays", nested(500, inArray)],
  ["one object in two places", { a: shared, b: [shared, shared] }],
  [
    "an object without a prototype",
    Object.assign(Object.create(null), { a: Object.assign(Object.create(null), { b: 1 }) }),
  ],
  ["what is frozen", Object.freeze({ a: Object.freeze([1]) })],
  ["a proxy", new Proxy({ a: new Proxy([1, { b: 2 }], {}) }, {})],
  [
    "getters",
    {
      get a() {
        return [1];
      },
    },
  ],
  ["objects of a different realm", runInNewContext("({ a: [1, { b: 'x' }], c: Object.create(null) })")],
];

export function jsonValues(engine: Engine): void {
  describe.each(columns)("a $column", ({ column, write }) => {
    test.each(sound)("accepts %s", async (_, value) => {
      const { board } = await openRun(engine);
      deepStrictEqual(await write(board, value), JSON.parse(JSON.stringify(value)));
    });

    test.each(flaws)("rejects %s, and nothing is written", async (_, value, paths) => {
      const { board, place } = await openRun(engine);
      await board.createBrief({ briefId: "b", tier: 0, role: "coder" });
      const expected = paths.map((path) => `${column}${path}`);
      await refused(place, expected, () => write(board, value));
    });

    test("must be an object at the top level", async () => {
      const { board, place } = await openRun(engine);
      await board.createBrief({ briefId: "b", tier: 0, role: "coder" });
      for (const value of notObjects) {
        const error = await refused(place, [column], () => write(board, value as object));
        expect(error.message).toContain("plain object");
      }
    });

    test("omits properties that are undefined", async () => {
      const { board } = await openRun(engine);
      const stored = await write(board, { a: undefined, b: { c: undefined, d: [{ e: undefined }] } });
      deepStrictEqual(stored, { b: { d: [{}] } });
    });

    test("of 5 MB reads back unchanged", async () => {
      const { board } = await openRun(engine);
      const items = Array.from({ length: 50_000 }, (_, id) => ({
        id,
        name: `item ${id} ${"é".repeat(60)}`,
        done: id % 2 === 0,
      }));
      deepStrictEqual(await write(board, { items }), { items });
    });
  });

  test("a payload from a realm with an additional Object.prototype method is rejected or stored whole, not as {}", async () => {
    const { board } = await openRun(engine);
    const payload: object = runInNewContext("Object.prototype.more = function () {}; ({ keep: { this: 1 } })");
    const outcome = await storePayload(board, payload).catch((error: unknown) => error);
    if (!(outcome instanceof InvalidInputError)) deepStrictEqual(outcome, { keep: { this: 1 } });
  });

  test("null and undefined store no result and no detail", async () => {
    const { board, place } = await openRun(engine);
    await board.createBrief({ briefId: "b", tier: 0, role: "coder" });
    for (const nothing of [null, undefined]) {
      await refused(place, ["result"], () => board.updateBriefResult("b", nothing as never));
    }
    await refused(place, ["detail"], () => board.logEvent("spawned", { detail: null as never }));
  });

  test("a hundred thousand invalid values produce a thousand issues and a short message", async () => {
    const { board, place } = await openRun(engine);
    const payload = { list: new Array(100_000).fill(Number.NaN) };
    const error = await caughtUnchanged(place, InvalidInputError, () =>
      board.createBrief({ tier: 0, role: "coder", payload }),
    );
    expect(error.issues).toHaveLength(1000);
    expect(error.issues[999]?.path).toBe("payload.list[999]");
    expect(error.message.length).toBeLessThan(2000);
  });

  test("an error thrown by a getter is rethrown unchanged, and nothing is written", async () => {
    const { board, place } = await openRun(engine);
    const broken = new Error("mine");
    const payload = {
      get a(): number {
        throw broken;
      },
    };
    await expect(async () => board.createBrief({ tier: 0, role: "coder", payload })).rejects.toBe(broken);
    expect(await place.sql("SELECT * FROM briefs")).toEqual([]);
  });

  test("a payload is stored as it was at the time of the call", async () => {
    const { board } = await openRun(engine);
    const payload = { list: [1] };
    const brief = await board.createBrief({ briefId: "b", tier: 0, role: "coder", payload });
    payload.list.push(2);
    expect(brief.payload).toStrictEqual({ list: [1] });
    (brief.payload as typeof payload).list.push(3);
    expect((await board.getBrief("b"))?.payload).toStrictEqual({ list: [1] });
  });
}
