/** How messages show values: truncated, on one line, and without running the values' code. */
import { inspect } from "node:util";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Check, pathWithin } from "../../src/input/check.ts";
import { escaped, listed, oneLine, quoted, shown } from "../../src/shown.ts";
import { hostile, steering } from "./hostile.ts";

class Task {
  title = "a";
}

describe("a value is shown as util.inspect shows it:", () => {
  test.each<[string, unknown]>([
    ["a string", "x"],
    ["a string with an apostrophe", "it's"],
    ["a string with both quotes", `it's "so"`],
    ["a number", -7.5],
    ["negative zero", -0],
    ["NaN", Number.NaN],
    ["undefined", undefined],
    ["null", null],
    ["a bigint", 5n],
    ["a symbol", Symbol("x")],
    ["an object", { a: 1, "b c": "x" }],
    ["an empty object", {}],
    ["an array", [1, "x"]],
    ["an empty array", []],
    ["a long array", [1, 2, 3, 4, 5]],
    ["an array with one item more than the limit", [1, 2, 3, 4]],
    ["objects in objects", { a: { b: 1 }, c: [1] }],
    ["deeper objects", { a: { b: { c: 1 }, d: [1] } }],
    ["an instance of a class", new Task()],
    ["a deeper instance", { a: { b: new Task() } }],
    ["an object without a prototype", Object.assign(Object.create(null), { a: 1 })],
    ["an object of a different realm", runInNewContext("({ a: 1 })")],
    ["an array of a different realm", runInNewContext("[1, 2]")],
    ["a date", new Date(0)],
    ["an invalid date", new Date(Number.NaN)],
    ["a function", function named() {}],
    [
      "a function without a name",
      (
        () => () =>
          undefined
      )(),
    ],
  ])("%s", (_, value) => {
    expect(shown(value)).toBe(inspect(value, { depth: 1, breakLength: Number.POSITIVE_INFINITY, maxArrayLength: 3 }));
  });

  test("a long string is shown with its beginning and the length of the rest", () => {
    expect(shown("x".repeat(100))).toBe(`'${"x".repeat(60)}'... 40 more characters`);
  });

  test("a getter is shown by its name only", () => {
    expect(
      shown({
        get a() {
          return expect.fail("was run");
        },
      }),
    ).toBe("{ a: [Getter] }");
  });
});

describe("for any value", () => {
  test.each(hostile)("%s is shown on one line of at most 100 characters, without running its code", (_, make) => {
    const text = shown(make());
    expect(text.length).toBeLessThanOrEqual(100);
    expect(text).not.toMatch(steering);
  });

  test("any value is shown on one short line", () => {
    fc.assert(
      fc.property(
        fc.anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withTypedArray: true,
          withSparseArray: true,
          withNullPrototype: true,
        }),
        (value) => {
          expect(shown(value).length).toBeLessThanOrEqual(100);
          expect(shown(value)).not.toMatch(steering);
        },
      ),
    );
  });

  test("any text is quoted, escaped and listed within its limit and without terminal control characters", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.integer({ min: 10, max: 50 }), (text, most) => {
        for (const result of [escaped(text, most), oneLine(text, most)]) {
          expect(result.length).toBeLessThanOrEqual(most);
          expect(result).not.toMatch(steering);
        }
        expect(quoted(text, most).length).toBeLessThanOrEqual(most + 1);
        expect(quoted(text, most)).not.toMatch(steering);
        expect(listed(Array.from({ length: 1000 }, () => text)).length).toBeLessThan(2000);
      }),
    );
  });

  test("short text is quoted as JSON and reads back", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 10 }), (text) => {
        expect(JSON.parse(quoted(text))).toBe(text);
      }),
    );
  });
});

describe("a path", () => {
  test("of long names is truncated and keeps its beginning and its end", () => {
    let path = "payload";
    for (let level = 0; level < 1000; level++) path = pathWithin(path, `${"key ".repeat(1000)}${level}`);
    path = pathWithin(path, "end");
    expect(path.length).toBeLessThanOrEqual(3000);
    expect(path).toMatch(/^payload\["key .*…".*…".*\]\.end$/);
  });

  test("contains no terminal control characters", () => {
    expect(pathWithin("payload", "a\u2028\u202e\u001b[2J\ud800")).toBe('payload["a\\u2028\\u202e\\u001b[2J\\ud800"]');
  });
});

test("a list with four billion holes reports its first thousand and does not visit the others", () => {
  const check = new Check();
  check.members("kind", Object.assign([], { length: 2 ** 32 - 1 }), ["spawned"]);
  expect(() => check.done()).toThrow(/kind\[0\].*and 990 more/s);
});
