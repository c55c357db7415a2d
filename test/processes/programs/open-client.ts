/** open-client: opens a blackboard in memory with the installed driver and prints the outcome. */
import { BlackboardError, openBlackboard } from "run-blackboard";

try {
  openBlackboard({ runId: "r", file: ":memory:" }).close();
  console.log("opened");
} catch (error) {
  const known = error instanceof BlackboardError;
  console.log(
    JSON.stringify({
      code: known ? error.code : null,
      message: String(error),
      hasCause: known && error.cause !== undefined,
    }),
  );
}
