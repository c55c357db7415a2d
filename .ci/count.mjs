// Prints the totals from vitest's JSON report as the last line. If no test failed, failed steps are counted instead.
import { readFileSync } from "node:fs";

const [report, failedSteps] = process.argv.slice(2);
let passed = 0;
let failed = 0;
let skipped = 0;
try {
  const { testResults } = JSON.parse(readFileSync(report, "utf8"));
  for (const { assertionResults, status } of testResults) {
    // A file that fails to load has no test results; count it as one failure.
    if (status === "failed" && assertionResults.length === 0) failed++;
    for (const result of assertionResults) {
      if (result.status === "passed") passed++;
      else if (result.status === "failed") failed++;
      else skipped++;
    }
  }
} catch (error) {
  console.log(`No test ran: ${error.message}`);
  failed++;
}
if (failed === 0) failed = Number(failedSteps);
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
