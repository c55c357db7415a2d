/** prune-as-nobody ROOT: deletes the finished runs of a root as a user who may not write in it, and prints what became of each. */
import { pruneRuns } from "run-blackboard";
import { becomeNobody } from "../../processes/programs/nobody.ts";
import { say } from "../../processes/programs/talk.ts";

const [root = ""] = process.argv.slice(2);
becomeNobody();
say(JSON.stringify(pruneRuns({ root, olderThanMs: 0 })));
