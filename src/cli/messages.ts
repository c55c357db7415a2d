/**
 * The package's messages in the command's words: they name functions and options of the package, which cannot be typed here.
 */
import { type InvalidInputError as Invalid, InvalidInputError, NotFoundError } from "../errors-and-types.ts";

/** What an option or argument of the package is called here. */
const names: Readonly<Record<string, string>> = {
  runId: "run",
  root: "--root",
  connection: "--postgres",
  schema: "--schema",
  briefId: "id",
  workstreamId: "--workstream",
  agentId: "--agent",
  delayMs: "--delay",
  "detail.reason": "--reason",
  olderThanMs: "--older-than",
  force: "--force",
};

const phrases: readonly (readonly [string | RegExp, string])[] = [
  [/Run (".*") does not exist in this blackboard\. Call createRun\(goal\) first\./, "There is no run $1."],
  [" Create it first, or check the id.", ""],
  [" Another process may have changed it first. Read it again and retry.", ""],
  [" Check `runId`, `root` and `file`, or open it with `create: true`.", ""],
  [
    ', which this call does not apply. Open it once with migrate: "auto", the default.',
    ": apply them with run-blackboard migrate.",
  ],
  [/\(([^()]*)\): apply them with/, "($1). Apply them with"],
  [", or a node-postgres Pool", ""],
  ["all in `issues`", "all with --json"],
  ["more in `differences`", "more with --json"],
  ["must be true to replace", "is needed to replace"],
  [/`schema`/g, "--schema"],
  [/([?.])\.$/, "$1"],
];

/** Returns an error's message as the command prints it. */
export function messageFor(error: Error): string {
  const text = error instanceof InvalidInputError ? renamed(error) : ofRun(error);
  return phrases.reduce((message, [from, to]) => message.replace(from, to), text);
}

/** A place without any run is named by its location, as a run would be by its id. */
function ofRun(error: Error): string {
  const isPlace = error instanceof NotFoundError && error.entity === "run" && /[/\\]/.test(error.id);
  return isPlace && error.message.includes("createRun(goal)") ? `${error.id} has no run yet.` : error.message;
}

/** The paths of the issues, which the message begins with, in the command's names. */
function renamed({ issues, message }: Invalid): string {
  return issues.reduce((text, { path, message: own }) => {
    const name = Object.hasOwn(names, path) ? names[path] : undefined;
    return name === undefined ? text : text.replace(`${path}: ${own}`, () => `${name}: ${own}`);
  }, message);
}
