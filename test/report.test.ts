/** The report as a browser renders it: Debian's Chromium, on a phone and a desktop, in light and dark mode. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser } from "playwright-core";
import { openBlackboard, reportRun } from "run-blackboard";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasChromium, launch } from "./chromium.ts";
import { temporaryFolder } from "./processes/folder.ts";

const markup = `"'><script>document.title = "owned"</script><img src=x onerror="alert(1)"><a href="javascript:alert(1)">x</a>`;
const hostile = `${markup}\u001b[31m\u009b31m\u202e</style></script>`;

function hostileRun() {
  const board = openBlackboard({ runId: "hostile <b>", file: ":memory:" });
  board.createRun(`goal ${hostile}`);
  board.createWorkstream({ workstreamId: hostile, name: `part ${hostile}`, tier: 0 });
  const briefId = `root ${hostile}`;
  board.spawnBrief({
    briefId,
    workstreamId: hostile,
    tier: 0,
    role: `role ${hostile}`,
    payload: { [hostile]: hostile },
  });
  for (const n of [0, 1, 2]) {
    board.spawnBrief({
      briefId: `${n} ${hostile}`,
      parentBriefId: briefId,
      tier: 1,
      role: hostile,
      payload: { hostile },
    });
  }
  board.spawnBrief({ briefId: `after ${hostile}`, tier: 1, role: hostile, after: [`1 ${hostile}`, `2 ${hostile}`] });
  board.spawnBrief({ briefId: `later ${hostile}`, tier: 1, role: hostile, after: [`after ${hostile}`] });
  const claim = board.claimBrief({ agentId: `agent ${hostile}`, leaseMs: 1000 });
  if (claim) board.completeBrief(claim, { result: hostile });
  board.failBrief(`1 ${hostile}`, { error: hostile });
  board.escalateBrief(`2 ${hostile}`, { error: hostile });
  return board;
}

interface Found {
  title: string;
  active: number;
  handlers: number;
  overflow: number;
  background: string;
  text: string;
}

/** The rendered state of the page; as text, because it runs in the page. */
const look = `({
  title: document.title,
  active: document.querySelectorAll("script, a, img, iframe, object, embed, link, form, base").length,
  handlers: [...document.querySelectorAll("*")].filter((one) => one.getAttributeNames().some((name) => name.startsWith("on"))).length,
  overflow: document.documentElement.scrollWidth - window.innerWidth,
  background: getComputedStyle(document.body).backgroundColor,
  text: document.body.innerText,
})`;

describe.skipIf(!hasChromium)("the report in Chromium", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  const screens = [
    { name: "phone", viewport: { width: 390, height: 844 }, colorScheme: "light" },
    { name: "phone at night", viewport: { width: 390, height: 844 }, colorScheme: "dark" },
    { name: "desk", viewport: { width: 1280, height: 900 }, colorScheme: "light" },
  ] as const;

  it.each(screens)("shows a hostile run as text only, on a $name", async ({ viewport, colorScheme }) => {
    using board = hostileRun();
    const file = join(temporaryFolder(), "report.html");
    writeFileSync(file, reportRun(board));
    const page = await browser.newPage({ viewport, colorScheme });
    const noise: string[] = [];
    page.on("console", (message) => noise.push(`console: ${message.text()}`));
    page.on("pageerror", (error) => noise.push(`error: ${error.message}`));
    page.on("dialog", (dialog) => noise.push(`dialog: ${dialog.message()}`));
    page.on("request", (request) => noise.push(`request: ${request.url()}`));
    const url = pathToFileURL(file).href;
    await page.goto(url);
    // Opens every element that can be opened.
    const closed = page.locator("details:not([open]) > summary").filter({ visible: true });
    while ((await closed.count()) > 0) await closed.first().click();
    const found = await page.evaluate<Found>(look);
    expect(noise).toEqual([`request: ${url}`]);
    expect(found).toMatchObject({ title: "hostile <b> – run-blackboard", active: 0, handlers: 0 });
    expect(found.overflow).toBeLessThanOrEqual(0);
    expect(found.background).toBe(colorScheme === "dark" ? "rgb(16, 20, 28)" : "rgb(244, 245, 248)");
    for (const part of ["goal", "part", "root", "role", "agent"]) expect(found.text).toContain(`${part} "'><script>`);
    expect(found.text).toContain("escalated at");
    expect(found.text).toContain("2 pending briefs wait, directly or through other briefs");
    expect(found.text).toContain("indirectly for something failed");
    await page.close();
  });
});

describe("the report of a run", () => {
  it("contains no character that a terminal or a reader would interpret", () => {
    using board = hostileRun();
    // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must not be there.
    expect(reportRun(board)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
  });

  it("stays below 5 MB for any run and lists what it omits", () => {
    using board = openBlackboard({ runId: "large", file: ":memory:" });
    board.createRun('"'.repeat(100_000));
    const quotes = '"'.repeat(200);
    board.transaction((tx) => {
      for (let n = 0; n < 3000; n++) {
        const briefId = `${n} ${quotes}`;
        const parentBriefId = n === 0 ? null : `${Math.floor(n / 10)} ${quotes}`;
        tx.spawnBrief({
          briefId,
          parentBriefId,
          tier: n % 5,
          role: `${n % 50} ${quotes}`,
          payload: { quotes: quotes.repeat(20) },
        });
        if (n % 3 === 0) tx.failBrief(briefId, { quotes: quotes.repeat(20) });
      }
    });
    const page = reportRun(board);
    expect(Buffer.byteLength(page)).toBeLessThan(5_000_000);
    expect(page).toContain("The tree shows 1,200 of 3,000 briefs");
    expect(page).toContain("50 of 1,000 failed briefs");
    expect(page).toContain("50 of 4,000 events");
    expect(page).toContain("30 of 50 roles");
  });

  it("stays below 5 MB when every brief waits, and shows what for", () => {
    using board = openBlackboard({ runId: "large", file: ":memory:" });
    board.createRun("a goal");
    const quotes = '"'.repeat(200);
    board.transaction((tx) => {
      for (let n = 0; n < 3000; n++) {
        const after = [1, 2, 3, 4].filter((back) => back <= n).map((back) => `${n - back} ${quotes}`);
        tx.createBrief({
          briefId: `${n} ${quotes}`,
          tier: 1,
          role: quotes,
          payload: { quotes: quotes.repeat(20) },
          after,
        });
      }
      tx.failBrief(`0 ${quotes}`);
    });
    const page = reportRun(board);
    expect(Buffer.byteLength(page)).toBeLessThan(5_000_000);
    expect(page).toContain("2,999 pending briefs wait, directly or through other briefs");
    expect(page).toContain("50 of 2,999 briefs that wait for something failed");
    expect(page).toContain("waits for 4: ");
    expect(page).toContain("indirectly for something failed");
  });

  it("shows what waits for what in the tree, and lists what waits for something failed", () => {
    using board = openBlackboard({ runId: "waiting", file: ":memory:" });
    board.createRun("a goal");
    for (const [briefId, after] of [
      ["write", []],
      ["test", ["write"]],
      ["ship", ["test"]],
    ] as const) {
      board.createBrief({ briefId, tier: 1, role: "coder", after });
    }
    const text = () =>
      reportRun(board)
        .replaceAll(/<[^>]+>/g, " ")
        .replaceAll(/\s+/g, " ");
    expect(text()).toContain("test coder waits for 1: write (pending)");
    expect(text()).toContain("pending: 2 wait for others");
    expect(text()).not.toContain("Waiting for something failed");
    board.failBrief("write");
    expect(text()).toContain("ship coder waits for 1: test (pending), indirectly for something failed");
    expect(text()).toContain("Waiting for something failed 2 pending briefs wait");
    expect(text()).toContain("write failed 1");
    expect(text()).toContain("ship test (pending), indirectly for something failed");
    board.updateRunStatus("failed");
    expect(text()).toContain("no brief can be claimed while the run is failed");
  });

  it("can be created for a run without briefs", () => {
    using board = openBlackboard({ runId: "begun", file: ":memory:" });
    board.createRun("nothing yet");
    expect(reportRun(board)).toContain("No briefs yet.");
  });
});
