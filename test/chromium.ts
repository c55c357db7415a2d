/** Debian's Chromium, for the tests of pages. */
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find((path) => existsSync(path));
if (!executablePath) {
  const message = "Chromium is not installed (apt-get install chromium).";
  // A missing browser must not look like a passed test.
  if (process.env.CI) throw new Error(message);
  console.warn(`\n!!! ${message} The tests of the report in a browser are SKIPPED.\n`);
}

export const hasChromium = executablePath !== undefined;

export async function launch(): Promise<Browser> {
  return await chromium.launch({ ...(executablePath && { executablePath }), args: ["--no-sandbox"] });
}
