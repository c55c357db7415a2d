/** Generated ids, for calls without an id. */
import { expect, test } from "vitest";
import { newId } from "../../src/input/new-id.ts";

test("ids are UUIDv7, each greater than the one before, with distinct random parts", () => {
  // More ids than one draw of random words suffices for.
  const ids = Array.from({ length: 5000 }, newId);
  for (const id of ids) expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  expect(ids.toSorted()).toEqual(ids);
  // 32 random bits each: among 5,000, one of 340 runs has an equal pair, and none has ten.
  expect(new Set(ids.map((id) => id.slice(-8))).size).toBeGreaterThan(4990);
});
