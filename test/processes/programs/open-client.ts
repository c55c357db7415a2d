/** open-client: opens a database in memory with the driver as it is installed, and prints what became of it. */
import { openClient } from "../../../src/engines/sqlite-driver.ts";
import { BlackboardError } from "../../../src/errors.ts";

try {
  openClient(":memory:").close();
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
