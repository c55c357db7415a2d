/** Opens the blackboard that its arguments name, "sqlite" with a file or "postgres" with a connection string, and prints the error. */
import { BlackboardError, openBlackboard } from "run-blackboard";
import { openPostgresBlackboard } from "run-blackboard/postgres";

const [engine, place = ""] = process.argv.slice(2);
try {
  if (engine === "sqlite") openBlackboard({ runId: "r", file: place });
  else await openPostgresBlackboard({ runId: "r", connection: place });
  console.log("opened");
} catch (error) {
  console.log(error instanceof BlackboardError ? `${error.code}: ${error.message}` : String(error));
}
process.exit();
