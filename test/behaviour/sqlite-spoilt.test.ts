/**
 * Corrupt briefs that only SQLite can store: NULL keys, columns of a different type, text that is not JSON, Python's
 * NaN.
 */
import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { UnreadableRowError, verifyBlackboard } from "run-blackboard";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import { spoilt } from "./spoilt.ts";
import { connectTo, open, sqliteFile } from "./sqlite.ts";

const request = { agentId: "w-1", leaseMs: 1000 };

spoilt(sqliteFile, [
  ["no id", "brief_id = NULL"],
  ["bytes for an id", "brief_id = x'6162'"],
  ["NUL in its id", "brief_id = 'a' || char(0) || 'b'"],
  ["bytes for a role", "role = x'636f646572'"],
  ["an attempt that is a text", "attempt = 'third'"],
  ["an attempt that is bytes", "attempt = x'01'"],
  ["an attempt that is not an integer", "attempt = 1.5"],
  ["an attempt above its maximum", "attempt = 9007199254740993"],
  ["a payload that is not JSON", "payload = 'not json'"],
  ["a payload of bytes", "payload = x'00ff'"],
  ["a payload with NUL", "payload = '{}' || char(0) || 'x'"],
  ["a payload that only JSON5 has", `payload = '{a: ''b'', }'`],
  ["a payload of Python's repr", `payload = '{''a'': None}'`],
  ["a long payload cut short", `payload = '{"a": "${"x".repeat(3000)}'`],
  ["a very long payload cut short", `payload = '{"a": "${"x".repeat(100_000)}'`],
  ["a result that is not JSON", "result = '{'"],
]);

/** Opens a run in a file and a separate connection that stores pending briefs as the Python module does. */
function openWithWriter(options: { busyTimeoutMs?: number } = {}) {
  const board = open({ runId: "r", file: `${temporaryFolder()}/blackboard.db`, synchronous: "normal", ...options });
  board.createRun("a goal");
  const client = connectTo(board.location);
  let made = 0;
  const insert = client.prepare(
    `INSERT INTO briefs (brief_id, run_id, tier, role, status, payload, retry_count, created_at, updated_at)
      VALUES (?, 'r', 1, 'coder', 'pending', ?, 0, ?, '2026-01-02T03:04:05.678901+00:00')`,
  );
  const brief = (id: string, payload: unknown) =>
    insert.run(id, payload, `2026-01-02T03:04:05.${100000 + ++made}+00:00`);
  return { board, client, brief };
}

describe("a brief that JavaScript can read and strict JSON does not allow", () => {
  const deep = `{"a": ${"[".repeat(1500)}${"]".repeat(1500)}}`;
  const texts = ['{"score": NaN}', '{"a": [-Infinity, Infinity]}', "NaN", "-Infinity", "null", null, deep];

  test("is claimed in its turn and taken over", () => {
    const { board, client, brief } = openWithWriter();
    brief("spoilt", "{'a': 1}");
    for (const [n, text] of texts.entries()) brief(`b${n}`, text);
    brief("last", '{"task": 1}');
    const ids = [...texts.keys()].map((n) => `b${n}`).concat("last");
    for (const id of ids) expect(board.claimBrief(request)?.brief.briefId).toBe(id);
    expect(board.claimBrief(request)).toBeUndefined();
    client.exec("UPDATE briefs SET lease_expires_at = '2020' || substr(created_at, 5) WHERE claimed_by IS NOT NULL");
    for (const id of ids) {
      const claim = board.claimBrief(request);
      expect(claim).toMatchObject({ attempt: 2, brief: { briefId: id, retryCount: 1 } });
      if (claim) board.completeBrief(claim, {});
    }
    expect(board.claimBrief(request)).toBeUndefined();
  });

  test("is not reported by verify or the summary", () => {
    const { board, client, brief } = openWithWriter();
    for (const [n, text] of texts.entries()) brief(`b${n}`, text);
    client.pragma("wal_checkpoint(TRUNCATE)");
    expect(verifyBlackboard({ file: board.location }).problems).toEqual([]);
  });
});

test("claimBrief claims a brief with any text if and only if it is readable", () => {
  const json = fc.oneof(
    fc.json(),
    fc.object({ maxDepth: 2 }).map((value) => JSON.stringify(value)),
  );
  const piece = fc.constantFrom(
    "NaN",
    "-Infinity",
    "Infinity",
    "null",
    "{}",
    ",",
    "'",
    '"',
    "}",
    "//",
    " ",
    "\n",
    "+",
    "\\",
  );
  const text = fc.oneof(
    json,
    fc.tuple(json, piece, fc.nat()).map(([whole, part, at]) => {
      const place = at % (whole.length + 1);
      return whole.slice(0, place) + part + whole.slice(place + (at % 2));
    }),
    fc.tuple(piece, piece).map(([a, b]) => `{"a": [${a}, ${b}]}`),
  );
  const { board, client, brief } = openWithWriter();
  fc.assert(
    fc.property(text, (payload) => {
      client.exec("DELETE FROM briefs");
      brief("b", payload);
      brief("next", "{}");
      let readable = true;
      try {
        board.getBrief("b");
      } catch (error) {
        expect(error).toBeInstanceOf(UnreadableRowError);
        readable = false;
      }
      expect(board.claimBrief(request)?.brief.briefId).toBe(readable ? "b" : "next");
    }),
    { numRuns: 1500 },
  );
});

test("claimBrief takes no lock when only short corrupt briefs are left, pending or expired", () => {
  const { board, client, brief } = openWithWriter({ busyTimeoutMs: 1 });
  for (const [n, text] of ["not json", "[1]", "{'a': 1}", '{"a": 1,}'].entries()) brief(`b${n}`, text);
  client.exec("BEGIN IMMEDIATE");
  expect(board.claimBrief(request)).toBeUndefined();
  client.exec("ROLLBACK");
  client.exec(
    `UPDATE briefs SET status = 'active', attempt = 1, claimed_by = 'w-0', lease_expires_at = '2026-01-01T00:00:00.000Z'`,
  );
  client.exec("BEGIN IMMEDIATE");
  expect(board.claimBrief({ ...request, maxRetries: 0 })).toBeUndefined();
});

test("a user's trigger that ignores the update of one brief does not block other briefs", () => {
  const { board, client, brief } = openWithWriter();
  for (const id of ["a", "b"]) brief(id, "{}");
  client.exec("CREATE TRIGGER no BEFORE UPDATE ON briefs WHEN OLD.brief_id = 'a' BEGIN SELECT RAISE(IGNORE); END");
  expect(board.claimBrief(request)?.brief.briefId).toBe("b");
  expect(board.claimBrief(request)).toBeUndefined();
});

test("verify lists each unclaimable brief with the reason, and the summary command refers to it", () => {
  const { board, client, brief } = openWithWriter();
  brief("fine", "{}");
  brief("nan", '{"a": NaN}');
  for (let n = 10; n < 40; n++) brief(`repr ${n}`, "{'a': 1}");
  for (const id of ["text", "array"]) brief(id, id === "text" ? "not json" : "[1]");
  for (const id of ["attempt", "role", "result", "finished", "gone"]) brief(id, "{}");
  client.exec(`UPDATE briefs SET attempt = 'x' WHERE brief_id = 'attempt'`);
  client.exec(`UPDATE briefs SET role = x'00' WHERE brief_id = 'role'`);
  client.exec(
    `UPDATE briefs SET result = '[]', status = 'active', claimed_by = 'w', lease_expires_at = '9' WHERE brief_id = 'result'`,
  );
  client.exec(`UPDATE briefs SET payload = 'x', status = 'done' WHERE brief_id = 'finished'`);
  client.exec(`UPDATE briefs SET brief_id = NULL WHERE brief_id = 'gone'`);
  const unclaimable = verifyBlackboard({ file: board.location }).problems.filter(({ kind }) => kind === "unclaimable");
  const messages = unclaimable.map(({ message }) => message).sort();
  expect(messages).toEqual([
    expect.stringMatching(/^run "r": .* payload .*: 32, such as "array", "repr 10", "repr 11", .*, "repr 18"$/),
    expect.stringMatching(/^run "r": .* result .*: 1, such as "result"$/),
    expect.stringMatching(/^run "r": .* role .*: 1, such as "role"$/),
    expect.stringMatching(/^run "r": .* attempt .*: 1, such as "attempt"$/),
    expect.stringMatching(/^run "r": .* no id .*: 1$/),
  ]);
  const command = ["--import", "tsx", "src/cli/main.ts", "summary", board.location];
  const shown = execFileSync(process.execPath, command, { encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } });
  expect(shown).toMatch(/unclaimable +35 briefs .*run-blackboard verify/);
});
