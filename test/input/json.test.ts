/**
 * JSON encoding and decoding without a database: decoding accepts what other programs wrote, and rejections report
 * paths.
 */
import { deepStrictEqual } from "node:assert";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { InvalidInputError } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { Check } from "../../src/input/check.ts";
import { decodeJson, encodeObject } from "../../src/input/json.ts";

describe("decodeJson", () => {
  test.each([
    ["{}", {}],
    ['{"a": [1, -2.5e3, "x", true, false, null]}', { a: [1, -2500, "x", true, false, null] }],
    [' \t\r\n{"a": 1} \n', { a: 1 }],
    ['"text"', "text"],
    ["null", null],
    ['{"__proto__": 1}', JSON.parse('{"__proto__": 1}')],
    ['{"a": 1, "a": 2}', { a: 2 }],
    ['"\\ud83e\\ude9d \\u0041\\/"', "🪝 A/"],
  ])("reads %s as JSON represents it", (text, value) => {
    deepStrictEqual(decodeJson(text), value);
  });

  test.each([
    ["NaN", null],
    ["-Infinity", null],
    ['{"a": NaN}', { a: null }],
    ['{"a": Infinity, "b": -Infinity}', { a: null, b: null }],
    ["[NaN,NaN , -Infinity]", [null, null, null]],
    ['{"NaN": NaN, "Infinity": 1}', { NaN: null, Infinity: 1 }],
    ['{"a": "NaN, Infinity and -Infinity", "b": NaN}', { a: "NaN, Infinity and -Infinity", b: null }],
    ['{"a": "he said \\"NaN\\"", "b": NaN}', { a: 'he said "NaN"', b: null }],
    ['{"a": "\\\\", "b": NaN, "c": "\\\\\\" NaN"}', { a: "\\", b: null, c: '\\" NaN' }],
    ['{"": "", "a": NaN}', { "": "", a: null }],
    ['{"a": "\\u0022 NaN \\u0022", "b": NaN}', { a: '" NaN "', b: null }],
    ['{"a": "🪝 NaN é", "b": NaN}', { a: "🪝 NaN é", b: null }],
  ])("reads Python's NaN and infinities in %s as null, except inside strings", (text, value) => {
    deepStrictEqual(decodeJson(text), value);
  });

  test.each([
    "",
    " ",
    "undefined",
    "nan",
    "infinity",
    "+Infinity",
    "-NaN",
    "NaNNaN",
    "1NaN",
    "--Infinity",
    "Infinity1",
    "{NaN: 1}",
    "{'a': NaN}",
    '{"a": NaN',
    '{"a": NaN,}',
    '{"a": "NaN}',
    '{"a": "x\nNaN"}',
    '{"a": "\\x"}',
    "not NaN",
    "{} NaN",
  ])("throws the parser's error for %j", (text) => {
    expect(() => decodeJson(text)).toThrow(SyntaxError);
  });

  test("reads any JSON with some numbers replaced as Python would, and changes nothing else", () => {
    const tokens = ["NaN", "Infinity", "-Infinity"];
    const spoilt = fc.tuple(fc.jsonValue(), fc.array(fc.constantFrom(...tokens), { minLength: 1, maxLength: 5 }));
    fc.assert(
      fc.property(spoilt, ([value, found]) => {
        const text = `{"value": ${JSON.stringify(value)}, ${JSON.stringify(tokens.join('"'))}: [${found.join(", ")}]}`;
        const expected = { value: JSON.parse(JSON.stringify(value)), [tokens.join('"')]: found.map(() => null) };
        deepStrictEqual(decodeJson(text), expected);
      }),
    );
  });

  test.each([
    ["letters", "x", "x"],
    ["escapes", "\\n\\u4e2d\\\\", "\n中\\"],
    ["quotes", '\\"', '"'],
  ])("reads a NaN before and after 10 MB of %s", (_, written, read) => {
    const times = Math.floor(10_000_000 / written.length);
    const text = `[NaN, "${written.repeat(times)}", NaN]`;
    const value = decodeJson(text);
    expect(value).toHaveLength(3);
    expect(Array.isArray(value) && value[1] === read.repeat(times)).toBe(true);
  });

  test("rejects 10 MB of text that is not JSON quickly", () => {
    for (const text of [
      '"'.repeat(10_000_000),
      "\\".repeat(10_000_000),
      `"${"\\".repeat(9_999_999)}`,
      "NaN".repeat(3e6),
    ]) {
      expect(() => decodeJson(text)).toThrow(SyntaxError);
    }
  });
});

/** The paths of the issues when a value is encoded. */
function refusedAt(value: unknown): string[] {
  const check = new Check();
  encodeObject(check, "payload", value);
  try {
    check.done();
  } catch (error) {
    if (error instanceof InvalidInputError) return error.issues.map(({ path }) => path);
    throw error;
  }
  return [];
}

function encoded(value: object): string {
  const check = new Check();
  const text = encodeObject(check, "payload", value);
  check.done();
  return text;
}

class Stack extends Array<number> {
  toJSON() {
    return "a stack";
  }
}

/** Unusual values, created for each test, and the stored value unless they are rejected. */
const odd: [string, () => object, object][] = [
  ["an object with a hidden toJSON", () => hiding({ a: 1 }, () => 5), { a: 1 }],
  [
    "an inner object with a hidden toJSON",
    () => ({ keep: 1, a: hiding({ b: 1 }, () => "x") }),
    { keep: 1, a: { b: 1 } },
  ],
  ["an object whose hidden toJSON returns undefined", () => hiding({ a: 1 }, () => undefined), { a: 1 }],
  ["an array with a hidden toJSON", () => ({ a: hiding([1], () => 9) }), { a: [1] }],
  ["an array whose class has toJSON", () => ({ a: Stack.of(1, 2) }), { a: [1, 2] }],
  [
    "an object from a realm with an additional Object.prototype method",
    () => runInNewContext("Object.prototype.more = function () {}; ({ keep: { this: 1 } })"),
    { keep: { this: 1 } },
  ],
];

function hiding<T extends object>(value: T, toJSON: () => unknown): T {
  return Object.defineProperty(value, "toJSON", { value: toJSON });
}

describe("encodeObject", () => {
  test.each([
    [{ a: 1n }, "payload.a"],
    [{ items: [0, 1, 2, { name: Number.NaN }] }, "payload.items[3].name"],
    [{ matrix: [[0], [0, 1n]] }, "payload.matrix[1][1]"],
    [{ _a$1: { B2: 1n } }, "payload._a$1.B2"],
    [{ "odd key": 1n }, 'payload["odd key"]'],
    [{ "a.b": { "c[0]": 1n } }, 'payload["a.b"]["c[0]"]'],
    [{ "": 1n }, 'payload[""]'],
    [{ 'say "so"': 1n }, 'payload["say \\"so\\""]'],
    [{ "it's": 1n }, 'payload["it\'s"]'],
    [{ "line\nbreak": 1n }, 'payload["line\\nbreak"]'],
    [{ 5: 1n }, 'payload["5"]'],
    [{ é: 1n }, 'payload["é"]'],
    [JSON.parse('{"__proto__": {"b": "\\u0000"}}'), "payload.__proto__.b"],
    [{ constructor: { toString: 1n } }, "payload.constructor.toString"],
    [[], "payload"],
    [null, "payload"],
  ])("rejects %o with a path in JavaScript syntax", (value, path) => {
    expect(refusedAt(value)).toEqual([path]);
  });

  test("reports each invalid value once, in document order", () => {
    const value = { a: [Number.NaN, { b: 1n }], c: "\0", d: { e: undefined, f: () => 1 }, g: "sound" };
    expect(refusedAt(value)).toEqual(["payload.a[0]", "payload.a[1].b", "payload.c", "payload.d.f"]);
  });

  test("reports a key and its value separately", () => {
    expect(refusedAt({ "\0": "\ud800" })).toHaveLength(2);
  });

  test("accepts an object in two places and rejects it only inside itself", () => {
    const shared = { n: 1 };
    expect(encoded({ a: shared, b: { c: shared } })).toBe('{"a":{"n":1},"b":{"c":{"n":1}}}');
    const ring: Record<string, unknown> = { shared };
    ring.deep = { ring: [ring], shared };
    expect(refusedAt(ring)).toEqual(["payload.deep.ring[0]"]);
  });

  test("writes any JSON value as JSON.stringify does", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const text = JSON.stringify(value);
        if (text.includes("\\u0000")) expect(refusedAt(value)).not.toEqual([]);
        else expect(encoded(value)).toBe(text);
      }),
    );
  });

  test("accepts text that only resembles a rejected escape", () => {
    const value = { "\\u0000": "\\ud800", "\\\\u0000": "\\\\udfff" };
    expect(encoded(value)).toBe(JSON.stringify(value));
  });

  test.each([
    ["a lone surrogate", "\ud83e"],
    ["a lone surrogate in the other half", "\ude9d"],
    ["the two in the wrong order", "\ude9d\ud83e"],
    ["NUL", "\0"],
  ])("rejects %s in any position", (_, flaw) => {
    expect(refusedAt({ a: flaw })).toEqual(["payload.a"]);
    expect(refusedAt({ a: `x${flaw}y` })).toEqual(["payload.a"]);
    expect(refusedAt({ a: { [flaw]: 1 } })).toEqual(["payload.a"]);
  });

  test.each(odd)("rejects %s or writes it whole", (_, make, whole) => {
    const check = new Check();
    const text = encodeObject(check, "payload", make());
    try {
      check.done();
    } catch (error) {
      return expect(error).toBeInstanceOf(InvalidInputError);
    }
    deepStrictEqual(JSON.parse(text), whole);
  });
});
