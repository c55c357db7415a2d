/** Statements are built once for each shape: see `family` in src/operations/operation.ts. */
import { expect, test } from "vitest";
import { family } from "../src/operations/operation.ts";

interface Shape {
  readonly kinds: readonly string[] | undefined;
  readonly roles: "any" | "one" | "several";
  readonly count: number | undefined;
  readonly after: boolean;
}

const values: { readonly [Name in keyof Shape]: readonly Shape[Name][] } = {
  kinds: [undefined, [], ["failed"], ["retried"], ["failed", "retried"]],
  roles: ["any", "one", "several"],
  count: [undefined, 0, 1, 10],
  after: [true, false],
};

const shapes: Shape[] = values.kinds.flatMap((kinds) =>
  values.roles.flatMap((roles) =>
    values.count.flatMap((count) => values.after.map((after) => ({ kinds, roles, count, after }))),
  ),
);

test("two shapes that differ in any field have different statements", () => {
  const statementOf = family((shape: Shape) => ({ shape }));
  expect(new Set(shapes.map(statementOf)).size).toBe(shapes.length);
  for (const shape of shapes) expect(statementOf(shape).shape).toEqual(shape);
});

test("equal shapes have one statement, in whatever object they are", () => {
  const statementOf = family((shape: Shape) => ({ shape }));
  const first = shapes.map(statementOf);
  expect(shapes.map((shape) => statementOf(structuredClone(shape)))).toEqual(first);
  for (const [index, shape] of shapes.entries()) expect(statementOf({ ...shape })).toBe(first[index]);
});

test("families don't share statements", () => {
  const [one, other] = [family((shape: Shape) => ({ shape })), family((shape: Shape) => ({ shape }))];
  for (const shape of shapes) expect(one(shape)).not.toBe(other(shape));
});

test("a shape may be a value: each one has its own statement", () => {
  const statementOf = family((value: string | number | boolean | undefined) => ({ value }));
  const all = ["", "1", "true", "undefined", 0, 1, true, false, undefined];
  expect(new Set(all.map(statementOf)).size).toBe(all.length);
  const listOf = family((from: readonly string[] | undefined) => ({ from }));
  const lists = [undefined, [], ["a"], ["b"], ["a", "b"], ["a,b"]];
  expect(new Set(lists.map(listOf)).size).toBe(lists.length);
});
