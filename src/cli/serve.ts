/**
 * `serve`: the report as a page that follows the run.
 */
import { Command, InvalidArgumentError } from "commander";
import { livePolicy, reportLive } from "../inspect.ts";
import { openInBrowser } from "./browser.ts";
import { changesOf, requireLive, untilInterrupted } from "./live.ts";
import { look, type RunOptions, withRun } from "./locations.ts";
import { wholeNumber } from "./option-values.ts";
import { printable, printJson, printLine } from "./output.ts";
import { servePage } from "./page-server.ts";

interface ServeOptions extends RunOptions {
  port: number;
  open?: boolean;
}

export function serveCommand(): Command {
  return withRun(new Command("serve"), "[run|file]")
    .description("serves the report as a page that follows the run, to browsers on this machine")
    .option("--port <port>", "port on 127.0.0.1; 0 means any that is free", portNumber, 0)
    .option("--open", "open the page in the browser")
    .addHelpText(
      "after",
      `
The page is served on the loopback address only and changes nothing. Its address contains a secret, since every user of this
machine can connect to the port. Ctrl-C ends it with exit code 0.

JSON: { url }, when the page can be opened.

Examples:
  run-blackboard serve abc123 --open
  run-blackboard serve abc123 --port 8080 --postgres postgresql://app@db/agents`,
    )
    .action((given: string | undefined, { port, open, ...options }: ServeOptions) =>
      look(
        given,
        options,
        async ({ board, isLive, state }) => {
          requireLive(isLive, board.location, state);
          const stop = untilInterrupted();
          const changes = changesOf(board, stop);
          // Before the page can be opened: a run that is missing is an error of the command.
          await changes.next();
          const server = await servePage(port, livePolicy, async () => await reportLive(board));
          try {
            if (options.json) await printJson({ url: server.url });
            else await printLine(`${printable(board.runId)} at ${server.url} (Ctrl-C ends it)`);
            if (open) await openInBrowser(server.url);
            for await (const _ of changes) server.announce();
          } finally {
            await server.close();
          }
        },
        true,
      ),
    );
}

function portNumber(text: string): number {
  const port = wholeNumber(text);
  if (port > 65_535) throw new InvalidArgumentError("Expected a port from 0 to 65535.");
  return port;
}
