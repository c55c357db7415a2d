/** The ids that are made for callers who bring none. */
import { expect, test } from "vitest";
import { newId } from "../../src/input/new-id.ts";

test("ids are UUIDv7, each greater than the one before, and share no random end", () => {
  // More than the words drawn at a time are enough for.
  const ids = Array.from({ length: 5000 }, newId);
  for (const id of ids) expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  expect(ids.toSorted()).toEqual(ids);
  // 32 random bits each: of 5,000, a pair is alike in one of 340 runs, and ten are in none.
  expect(new Set(ids.map((id) => id.slice(-8))).size).toBeGreaterThan(4990);
});
