/** How the report looks in Chromium: its height, its columns on a phone, its contrast; and what its charts and lists show. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser } from "playwright-core";
import { openBlackboard, reportRun } from "run-blackboard";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasChromium, launch } from "./chromium.ts";

const size = 100_000;
const numbers = `WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${size - 1})`;

/** A run with many of everything: a wide and deep tree, all statuses, many roles, agents, reasons and blockers. */
function largeReport(): string {
  const clock = () => new Date("2026-11-22T09:00:00.000Z");
  using board = openBlackboard({ runId: "large", file: ":memory:", clock });
  board.createRun("a goal that is long enough to be wrapped on a phone, since it says what the run is for");
  for (let n = 0; n < 40; n++) board.createWorkstream({ workstreamId: `w${n}`, name: `workstream ${n}`, tier: 1 });
  const client = board.drizzle.$client;
  client.exec(`${numbers} INSERT INTO briefs (brief_id, run_id, parent_brief_id, workstream_id, tier, role, status, payload,
      created_at, updated_at, attempt, claimed_by, claimed_at, lease_expires_at)
    SELECT 'brief number ' || n, 'large', CASE WHEN n >= 40 THEN 'brief number ' || (n / 40) END, 'w' || (n % 40), 1,
      'role ' || (n % 45), CASE n % 5 WHEN 0 THEN 'failed' WHEN 1 THEN 'pending' WHEN 2 THEN 'active' ELSE 'done' END,
      '{"file":"src/some/file.ts"}', '2026-11-22T06:40:15.123Z', '2026-11-22T08:' || (10 + n % 50) || ':10.123Z', 1,
      'agent-' || (n % 33), CASE WHEN n % 5 <> 1 THEN '2026-11-22T08:0' || (n % 10) || ':00.000Z' END,
      CASE WHEN n % 5 = 2 THEN '2026-11-22T08:50:00.000Z' END FROM numbers`);
  client.exec(`${numbers} INSERT INTO events (event_id, run_id, brief_id, kind, detail, created_at)
    SELECT 'e' || n, 'large', 'brief number ' || n, CASE n % 5 WHEN 0 THEN 'failed' WHEN 3 THEN 'completed' ELSE 'spawned' END,
      '{"error":"the reason number ' || (n % 300) || ' is a sentence of some length, as reasons are"}',
      '2026-11-22T08:' || (10 + n % 50) || ':10.123Z' FROM numbers`);
  client.exec(`INSERT INTO dependencies (run_id, brief_id, blocker_id) SELECT 'large', brief_id, 'brief number 0' FROM briefs
    WHERE status = 'pending' LIMIT 400`);
  return reportRun(board);
}

interface Layout {
  height: number;
  overflow: number;
  hidden: string[];
  tables: number;
}

/** As text, because it runs in the page. */
const layout = `(() => {
  const width = window.innerWidth;
  const cells = [...document.querySelectorAll("td")].filter((cell) => cell.checkVisibility());
  return {
    height: document.documentElement.scrollHeight,
    overflow: document.documentElement.scrollWidth - width,
    hidden: cells.filter((cell) => { const { left, right } = cell.getBoundingClientRect(); return left < 0 || right > width; })
      .map((cell) => cell.textContent),
    tables: [...document.querySelectorAll("table")].filter((table) => table.checkVisibility()).length,
  };
})()`;

/** Every text with less than 4.5:1 to what is under it, and every area with less than 3:1 to its card. */
const contrast = `(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (colour) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ratio = (a, b) => { const [x, y] = [light(rgb(a)), light(rgb(b))].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
  const under = (element) => { for (let one = element; one; one = one.parentElement) { const c = getComputedStyle(one).backgroundColor; if (rgb(c)[3] === 255) return c; } return "white"; };
  for (const one of document.querySelectorAll("details")) one.open = true;
  const low = new Set();
  let texts = 0;
  for (const element of document.querySelectorAll("body *")) {
    if (![...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== "") || !element.checkVisibility()) continue;
    texts++;
    const { color } = getComputedStyle(element);
    const found = ratio(color, under(element));
    if (found < 4.5) low.add(element.tagName + "." + element.className + " " + color + " " + found.toFixed(2));
  }
  const card = getComputedStyle(document.querySelector(".card")).backgroundColor;
  for (const rect of document.querySelectorAll(".legend rect, .bars rect")) {
    const { fill } = getComputedStyle(rect);
    const found = ratio(fill, card);
    if (found < 3) low.add("rect." + rect.getAttribute("class") + " " + found.toFixed(2));
  }
  return { low: [...low], texts };
})()`;

const phone = { width: 390, height: 844 };
const desk = { width: 1280, height: 900 };

describe.skipIf(!hasChromium)("the report of 100,000 briefs in Chromium", () => {
  let browser: Browser;
  let url: string;
  const folder = mkdtempSync(join(tmpdir(), "run-blackboard-"));
  beforeAll(async () => {
    browser = await launch();
    const file = join(folder, "report.html");
    writeFileSync(file, largeReport());
    url = pathToFileURL(file).href;
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true });
  });

  it.each([
    ["a phone", phone],
    ["a desk", desk],
  ])("is less than 15,000 pixels high on %s and shows all columns of its tables", async (_, viewport) => {
    const page = await browser.newPage({ viewport });
    await page.goto(url);
    const { height, overflow, hidden, tables } = await page.evaluate<Layout>(layout);
    expect(height).toBeLessThan(15_000);
    expect(overflow).toBeLessThanOrEqual(0);
    expect(hidden).toEqual([]);
    expect(tables).toBeGreaterThanOrEqual(6);
    if (viewport === phone) expect(await page.locator("td[data-name='95 %']").first().isVisible()).toBe(true);
    await page.close();
  });

  it.each(["light", "dark"] as const)("has AA contrast, %s", async (colorScheme) => {
    const page = await browser.newPage({ viewport: phone, colorScheme });
    await page.goto(url);
    const { low, texts } = await page.evaluate<{ low: string[]; texts: number }>(contrast);
    expect(texts).toBeGreaterThan(1000);
    expect(low).toEqual([]);
    await page.close();
  });
});

const text = (html: string) => html.replaceAll(/<[^>]+>/g, " ").replaceAll(/\s+/g, " ");

describe("the report", () => {
  it("measures durations from claim to end, not from creation", () => {
    let time = Date.parse("2026-11-22T06:00:00.000Z");
    using board = openBlackboard({ runId: "r", file: ":memory:", clock: () => new Date(time) });
    board.createRun("a goal");
    board.createBrief({ briefId: "slow", tier: 1, role: "coder" });
    board.createBrief({ briefId: "unclaimed", tier: 1, role: "coder" });
    time += 86_400_000;
    const claim = board.claimBrief({ agentId: "a", leaseMs: 60_000 });
    time += 5000;
    if (claim) board.completeBrief(claim, {});
    board.completeBrief("unclaimed", {});
    const shown = text(reportRun(board));
    expect(shown).toContain("5 s median duration, from claim to end; 95 %: 5 s");
    expect(shown).toContain("✓ slow coder 5 s");
    expect(shown).not.toMatch(/✓ unclaimed coder \d/);
  });

  it("names stuck claims, groups identical failures, and says when the run will have ended", () => {
    let time = Date.now() - 7_200_000;
    using board = openBlackboard({ runId: "r", file: ":memory:", clock: () => new Date(time) });
    board.createRun("a goal");
    for (let n = 0; n < 8; n++) board.createBrief({ briefId: `b/${n}`, tier: 1, role: "coder" });
    board.claimBrief({ agentId: "worker-9", leaseMs: 1000 });
    time += 7_200_000;
    for (let n = 1; n <= 4; n++) board.failBrief(`b/${n}`, { error: n === 4 ? "other" : "disk quota exceeded", n });
    const shown = text(reportRun(board));
    expect(shown).toMatch(/Stuck claims .* b\/0 coder worker-9 \d+ h/);
    expect(shown).toContain("✗ 3 disk quota exceeded coder 3");
    expect(shown.match(/✗ \d+ disk quota exceeded/g)).toHaveLength(1);
    expect(shown).toContain("✗ 1 other coder 1");
    expect(shown).toMatch(/min until the estimated end|s until the estimated end|h until the estimated end/);
  });

  it("does not let one spike flatten the chart of events", () => {
    let time = Date.parse("2026-11-22T06:00:00.000Z");
    using board = openBlackboard({ runId: "r", file: ":memory:", clock: () => new Date(time) });
    board.createRun("a goal");
    for (let minute = 0; minute < 60; minute++) {
      for (let n = 0; n < (minute === 30 ? 2000 : 10); n++) board.logEvent("spawned");
      time += 60_000;
    }
    const page = reportRun(board);
    const [chart = ""] = /<svg class="chart"[\s\S]*?<\/svg>/.exec(page) ?? [];
    const heights = [...chart.matchAll(/class="spawned"[^>]* height="([\d.]+)"/g)].map(([, height]) => Number(height));
    expect(heights.length).toBeGreaterThan(50);
    expect(Math.min(...heights)).toBeGreaterThan(10);
    expect(Math.max(...heights)).toBeLessThanOrEqual(98);
    expect(text(page)).toMatch(/most: 2,0\d\d in [^;]*; bars are cut at \d+/);
  });
});
