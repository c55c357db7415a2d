/**
 * `mcp`: a Model Context Protocol server over stdin and stdout, whose tools are the operations of one run, or of every run under a root.
 */
import { once } from "node:events";
import { Command } from "commander";
import { BlackboardError } from "../../errors-and-types.ts";
import { installed } from "../imports.ts";
import { type RunOptions, withRun } from "../locations.ts";
import { asJson, describeError } from "../output.ts";
import { acting } from "./acting.ts";
import { Boards, listRunsTool, ofAnyRun } from "./boards.ts";
import { claimTools } from "./claim-tools.ts";
import type { Tool } from "./tool.ts";
import { briefTools, eventTools, runTools } from "./tools.ts";

export function mcpCommand(): Command {
  return withRun(new Command("mcp"), "[run|file]")
    .description("serves the operations on a run, or on every run, as tools of an MCP server over stdin and stdout")
    .addHelpText(
      "after",
      `
Needs the package @modelcontextprotocol/sdk. With a run, the tools work on that run only. Without one, each tool takes the run's id,
and list_runs lists the runs of --root or --postgres. Configure it in an MCP client as a command:

  { "mcpServers": { "blackboard": { "command": "npx", "args": ["run-blackboard", "mcp", "abc123"] } } }

It ends when its input ends. Stopping it loses no data; claims are kept until their leases expire.

Examples:
  run-blackboard mcp abc123
  run-blackboard mcp --root /srv/agents/runs`,
    )
    .action((given: string | undefined, options: RunOptions, command: Command) =>
      acting(() => serve(given, options, command.parent?.version() ?? "unreleased")),
    );
}

const instructions = `A blackboard holds one orchestration run: a goal, split into workstreams and briefs. A brief is a task for one agent; briefs form a tree and may come after others. Events record what happened. Many agents work on a run at the same time.
To work: claim_briefs, do what brief.payload asks, renew_claim before the lease ends if it takes longer, then complete_brief with the result. If it can't be done, fail_brief or escalate_brief with the reason; to give it back, release_brief. Pass the claim: LOST_CLAIM then means that the brief is no longer yours.
To coordinate: create_run, spawn_briefs, wait_for_briefs, and read results with get_brief.
Errors have a code and a message that says what is allowed.`;

async function serve(given: string | undefined, options: RunOptions, version: string): Promise<void> {
  const sdk = await importSdk();
  const { Server, ListToolsRequestSchema, CallToolRequestSchema, McpError, ErrorCode } = sdk;
  const boards = new Boards(options);
  const tools = [
    ...(given === undefined ? [listRunsTool(options)] : []),
    ...[...runTools, ...briefTools, ...claimTools, ...eventTools].map((one) =>
      given === undefined ? ofAnyRun(one, boards) : one,
    ),
  ];
  const validator = new sdk.AjvJsonSchemaValidator();
  const calls = new Map(
    tools.map((one) => [one.name, one.bind((schema) => validator.getValidator(schema), inputSchema(one))]),
  );
  const about = given === undefined ? instructions : `${instructions}\nAll tools work on the run ${asJson(given)}.`;
  const info = { name: "run-blackboard", version };
  const server = new Server(info, { capabilities: { tools: {} }, instructions: about });
  server.setRequestHandler(ListToolsRequestSchema, async () => ({ tools: tools.map(listed) }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, { signal }) => {
    const call = calls.get(params.name);
    if (!call) throw new McpError(ErrorCode.InvalidParams, `There is no tool ${asJson(params.name)}.`);
    try {
      return answer(await call(params.arguments ?? {}, boards.calling(given, signal)));
    } catch (error) {
      return { ...answer({ error: described(error) }), isError: true };
    }
  });
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  server.onclose = () => stop.abort();
  const ended = once(process.stdin, "end", { signal: stop.signal }).catch(() => undefined);
  await server.connect(new sdk.StdioServerTransport());
  await ended;
  await server.close();
  await boards.close();
}

function listed(one: Tool) {
  const annotations = { readOnlyHint: one.reads, destructiveHint: false, openWorldHint: false };
  return { name: one.name, description: one.description, inputSchema: inputSchema(one), annotations };
}

function inputSchema({ properties, required }: Tool) {
  return {
    type: "object" as const,
    properties: { ...properties },
    required: [...required],
    additionalProperties: false,
  };
}

/** With the message of the package: the command's names of options mean nothing to a client. */
function described(error: unknown): object {
  return error instanceof BlackboardError ? { ...describeError(error), message: error.message } : describeError(error);
}

/** As text for every client, and as an object for those that read it. */
function answer(value: object) {
  return { content: [{ type: "text" as const, text: asJson(value) }], structuredContent: { ...value } };
}

async function importSdk() {
  const load = () =>
    Promise.all([
      import("@modelcontextprotocol/sdk/server/index.js"),
      import("@modelcontextprotocol/sdk/server/stdio.js"),
      import("@modelcontextprotocol/sdk/types.js"),
      import("@modelcontextprotocol/sdk/validation/ajv"),
    ]);
  const message = "requires the MCP SDK, which is not installed: npm install @modelcontextprotocol/sdk";
  const [{ Server }, { StdioServerTransport }, types, { AjvJsonSchemaValidator }] = await installed(
    load,
    "mcp",
    message,
  );
  const { ListToolsRequestSchema, CallToolRequestSchema, McpError, ErrorCode } = types;
  return {
    Server,
    StdioServerTransport,
    AjvJsonSchemaValidator,
    ListToolsRequestSchema,
    CallToolRequestSchema,
    McpError,
    ErrorCode,
  };
}
