/** The MCP server, called by the SDK's own client: every tool does what its description says, by the rules of the class. */
import { renameSync } from "node:fs";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { openBlackboard } from "run-blackboard";
import { describe, expect, onTestFinished, test } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import { act, places } from "./acting.ts";
import { commandFile } from "./command.ts";

async function connect(words: readonly string[], cwd?: string) {
  const client = new Client({ name: "test", version: "1" });
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [commandFile(), "mcp", ...words],
    ...(cwd !== undefined && { cwd }),
    stderr: "pipe",
  });
  let stderr = "";
  transport.stderr?.on("data", (chunk) => {
    stderr += chunk;
  });
  await client.connect(transport);
  onTestFinished(() => client.close());
  /** Calls a tool that must succeed, and returns the object that it answered. */
  const call = async (name: string, args: Record<string, unknown> = {}) => {
    const { isError, structuredContent, content } = await client.callTool({ name, arguments: args });
    expect(content).toEqual([{ type: "text", text: expect.any(String) }]);
    expect(isError, JSON.stringify(structuredContent)).toBeFalsy();
    return structuredContent;
  };
  /** Calls a tool that must fail, and returns the error that it answered. */
  const refused = async (name: string, args: Record<string, unknown> = {}) => {
    const { isError, structuredContent } = await client.callTool({ name, arguments: args });
    expect(isError, JSON.stringify(structuredContent)).toBe(true);
    return structuredContent && Object(structuredContent).error;
  };
  return { client, call, refused, stderr: () => stderr };
}

const lease = { agentId: "coder-1", leaseSeconds: 600 };

describe.each(places)("the tools on %s", (_, make) => {
  test("create a run, plan it, work on it and wait for it", async () => {
    const place = await make();
    const [name, ...options] = place.run;
    const { call, client, stderr } = await connect([name, ...options]);
    expect(client.getInstructions()).toContain("claim_briefs");
    expect(await call("create_run", { goal: "a goal" })).toMatchObject({ runId: "r", status: "pending" });
    expect(await call("create_run", { goal: "a goal" })).toMatchObject({ runId: "r" });
    expect(await call("set_run_status", { status: "active" })).toMatchObject({ status: "active" });
    expect(await call("create_workstream", { name: "API", workstreamId: "w" })).toMatchObject({ tier: 1 });
    const briefs = [
      { briefId: "write", role: "coder", workstreamId: "w", payload: { file: "a.ts" } },
      { briefId: "check", role: "tester", after: ["write"], tier: 2, notBefore: "2026-01-01" },
    ];
    expect(await call("spawn_briefs", { briefs, detail: { by: "plan" } })).toMatchObject({
      briefs: [{ tier: 1 }, { waitsFor: 1 }],
    });
    const board = await place.open();
    expect(await call("get_brief", { briefId: "write" })).toEqual({ brief: await board.getBrief("write") });
    expect(await call("get_brief", { briefId: "none" })).toEqual({ brief: null });
    const claimed = await call("claim_briefs", { ...lease, role: ["coder"] });
    expect(claimed).toMatchObject({
      claims: [{ claim: { briefId: "write", attempt: 1 }, brief: { payload: { file: "a.ts" } } }],
    });
    expect(await call("claim_briefs", lease)).toEqual({ claims: [] });
    const { claim } = Object(claimed).claims[0];
    const renewed = await call("renew_claim", { claim, leaseSeconds: 3600, progress: { page: 3 } });
    const { leaseExpiresAt } = (await board.getBrief("write")) ?? {};
    expect(renewed).toEqual({ claim: { ...claim, leaseExpiresAt } });
    expect(await call("wait_for_briefs", { briefIds: ["write"], timeoutSeconds: 0 })).toEqual({ finished: false });
    const completed = await call("complete_brief", { claim, result: { changed: 3 }, detail: { seconds: 4 } });
    expect(completed).toMatchObject({ brief: { briefId: "write", status: "done", claimedBy: "coder-1" } });
    expect(await call("complete_brief", { claim, result: { changed: 3 } })).toEqual(completed);
    expect(await call("wait_for_briefs", { briefIds: ["write"] })).toEqual({
      finished: true,
      counts: { pending: 0, active: 0, done: 1, failed: 0 },
      briefs: [{ briefId: "write", status: "done", result: { changed: 3 } }],
    });
    expect(await call("list_briefs", { ready: true })).toMatchObject({ items: [{ briefId: "check" }], next: null });
    expect(await call("list_workstreams")).toMatchObject({ items: [{ workstreamId: "w" }], next: null });
    expect(await call("set_workstream_status", { workstreamId: "w", status: "done" })).toMatchObject({
      status: "done",
    });
    expect(await call("log_event", { kind: "escalated", briefId: "check", eventId: "e" })).toMatchObject({ seq: 4 });
    expect(await call("list_events", { after: 2 })).toEqual(await board.listEvents({ after: 2 }));
    expect(await call("get_run")).toEqual(await board.getRunSummary());
    expect(stderr()).toBe("");
  });

  test("fail, escalate, retry and release a brief, by claim or by id", async () => {
    const place = await make();
    const [name, ...options] = place.run;
    const { call, refused } = await connect([name, ...options]);
    await call("create_run", { goal: "a goal" });
    const roles = ["fail_brief", "escalate_brief", "retry_brief", "release_brief"];
    await call("spawn_briefs", {
      briefs: roles.flatMap((role) => [
        { role, briefId: role },
        { role: "id", briefId: `${role}/id` },
      ]),
    });
    const board = await place.open();
    for (const tool of roles) {
      const { claims } = Object(await call("claim_briefs", { ...lease, role: [tool] }));
      const { claim } = claims[0];
      const status = /fail|escalate/.test(tool) ? "failed" : "pending";
      expect(await call(tool, { claim }), tool).toMatchObject({ brief: { briefId: tool, status } });
      expect(await refused(tool, { claim }), tool).toMatchObject({
        code: "LOST_CLAIM",
        attempt: 1,
        current: { status },
      });
      expect(await refused(tool, { claim, briefId: tool })).toMatchObject({ code: "INVALID_INPUT" });
      expect(await refused(tool, {})).toMatchObject({ code: "INVALID_INPUT" });
      await call("claim_briefs", { ...lease, role: ["id"] });
      expect(await call(tool, { briefId: `${tool}/id`, detail: { why: "x" } })).toMatchObject({ brief: { status } });
      const { items } = await board.listEvents({ briefId: `${tool}/id`, after: 8 });
      expect(items).toMatchObject([{ detail: { why: "x" } }]);
      if (status === "pending") await board.failBrief(`${tool}/id`);
    }
    const delayed = await call("retry_brief", { briefId: "fail_brief", delaySeconds: 60 });
    expect(delayed).toMatchObject({ brief: { status: "pending", notBefore: expect.any(String), retryCount: 1 } });
  });

  test("answer errors with a code and a message, and work on", async () => {
    const place = await make();
    const [name, ...options] = place.run;
    const { call, refused, client } = await connect([name, ...options]);
    await call("create_run", { goal: "a goal" });
    expect(await refused("create_run", { goal: "another" })).toMatchObject({ code: "CONFLICT", fields: ["goal"] });
    expect(await refused("spawn_briefs", { briefs: [{ role: "x", parentBriefId: "none" }] })).toMatchObject({
      code: "NOT_FOUND",
    });
    expect(await refused("complete_brief", { briefId: "none", result: {} })).toMatchObject({ code: "NOT_FOUND" });
    for (const [tool, args] of [
      ["spawn_briefs", { briefs: [{ role: "x", notBefore: "soon" }] }],
      ["spawn_briefs", { briefs: [{ role: "x", tiers: 1 }] }],
      ["spawn_briefs", { briefs: [] }],
      ["spawn_briefs", {}],
      ["claim_briefs", { ...lease, leaseSeconds: "600" }],
      ["claim_briefs", { ...lease, lease: 1 }],
      ["get_brief", { briefId: "" }],
      ["wait_for_briefs", {}],
      ["create_run", { goal: "a\0b" }],
      ["log_event", { kind: "noted" }],
    ] as const) {
      const error = await refused(tool, args);
      expect(error, tool).toMatchObject({
        code: "INVALID_INPUT",
        message: expect.stringMatching(/^Invalid input\. ./),
      });
    }
    await expect(client.callTool({ name: "drop_run" })).rejects.toThrow('There is no tool "drop_run"');
    expect(await call("get_run")).toMatchObject({ briefs: { pending: 0 }, lastSeq: 0 });
  });
});

describe("the server", () => {
  test("describes every tool and every argument", async () => {
    const { client } = await connect(["r", "--root", temporaryFolder()]);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toHaveLength(19);
    for (const { name, description, inputSchema, annotations } of tools) {
      expect(description, name).toMatch(/^[A-Z].+\.$/);
      expect(inputSchema).toMatchObject({ type: "object", additionalProperties: false });
      for (const [argument, schema] of Object.entries(inputSchema.properties ?? {})) {
        expect(Object(schema).description, `${name}.${argument}`).toMatch(/^(?:[A-Z]|`).+\.$/);
      }
      expect(annotations?.readOnlyHint, name).toBe(/^(?:get|list|wait)_/.test(name));
    }
  });

  test("works on every run of a root, and on no file outside of it", async () => {
    const root = temporaryFolder();
    const { call, refused, client } = await connect(["--root", root]);
    for (const run of ["one", "two"]) {
      await call("create_run", { run, goal: `goal ${run}` });
      await call("spawn_briefs", { run, briefs: [{ role: "coder", briefId: `${run}/b` }] });
    }
    expect(await call("list_runs")).toEqual({
      runs: ["one", "two"].map((runId) => ({
        runId,
        goal: `goal ${runId}`,
        status: "pending",
        briefs: { pending: 1, active: 0, done: 0, failed: 0 },
      })),
    });
    expect(await call("get_brief", { run: "two", briefId: "two/b" })).toMatchObject({ brief: { runId: "two" } });
    expect(await call("get_brief", { run: "one", briefId: "two/b" })).toEqual({ brief: null });
    expect(await refused("get_run", { run: "three" })).toMatchObject({ code: "NO_SUCH_FILE" });
    expect(await refused("get_run")).toMatchObject({ code: "INVALID_INPUT" });
    for (const run of ["..", "../x", join(root, "one/blackboard.db"), "x.db"]) {
      expect(await refused("create_run", { run, goal: "g" }), run).toMatchObject({ code: "INVALID_INPUT" });
      expect(await refused("get_run", { run }), run).toMatchObject({ code: "INVALID_INPUT" });
    }
    const { tools } = await client.listTools();
    const without = tools.filter(({ inputSchema }) => !inputSchema.required?.includes("run"));
    expect(without.map(({ name }) => name)).toEqual(["list_runs"]);
  });

  test("answers other calls while one waits, which ends when its brief does or the client cancels", async () => {
    const { client, call } = await connect(["r", "--root", temporaryFolder()]);
    await call("create_run", { goal: "a goal" });
    await call("spawn_briefs", { briefs: [{ role: "coder", briefId: "b" }] });
    const waiting = call("wait_for_briefs", { briefIds: ["b"], timeoutSeconds: 3600 });
    const stop = new AbortController();
    const asked = { name: "wait_for_briefs", arguments: { role: ["coder"], timeoutSeconds: 3600 } };
    const cancelled = client.callTool(asked, undefined, { signal: stop.signal });
    await call("get_run");
    stop.abort("no longer needed");
    await expect(cancelled).rejects.toThrow("no longer needed");
    await call("complete_brief", { briefId: "b", result: { n: 1 } });
    expect(await waiting).toMatchObject({ finished: true, briefs: [{ result: { n: 1 } }] });
  });

  test("opens a run again after its file was replaced", async () => {
    const root = temporaryFolder();
    const { call } = await connect(["r", "--root", root]);
    await call("create_run", { goal: "old" });
    const other = openBlackboard({ runId: "r", root: join(root, "other") });
    other.createRun("new");
    other.close();
    renameSync(join(root, "r"), join(root, "old"));
    renameSync(join(root, "other/r"), join(root, "r"));
    expect(await call("get_run")).toMatchObject({ goal: "new" });
  });

  test("ends when its input ends", () => {
    expect(act(["mcp", "r", "--root", temporaryFolder()])).toMatchObject({ code: 0, stdout: "", stderr: "" });
  });
});
