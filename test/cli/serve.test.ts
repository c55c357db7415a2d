/** `serve` and `summary --watch`: what follows a run, ends cleanly, and is served to nobody else. */
import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { dirname, join } from "node:path";
import type { Browser } from "playwright-core";
import { openBlackboard } from "run-blackboard";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { hasChromium, launch } from "../chromium.ts";
import { freshSchema, hasServer, open as openOnServer } from "../postgres/fresh.ts";
import { temporaryFolder } from "../processes/folder.ts";
import { type Running, start } from "../processes/spawn.ts";
import { commandFile, printed, run } from "./command.ts";

const command = (...words: string[]) => start(process.execPath, [commandFile(), ...words]);

function makeRun() {
  const file = join(temporaryFolder(), "blackboard.db");
  const board = openBlackboard({ runId: "r", file });
  board.createRun("a goal");
  board.createBrief({ briefId: "plan", tier: 1, role: "lead", payload: { a: 1 } });
  return { file, board };
}

/** A run on each engine: how to name it, and how to write to it. */
const engines = [
  {
    name: "SQLite",
    make: async () => {
      const { file, board } = makeRun();
      return { words: [file], board };
    },
  },
  ...(hasServer
    ? [
        {
          name: "PostgreSQL",
          make: async () => {
            const { url } = await freshSchema();
            const board = await openOnServer({ url }, { runId: "r" });
            await board.createRun("a goal");
            await board.createBrief({ briefId: "plan", tier: 1, role: "lead", payload: { a: 1 } });
            return { words: ["r", "--postgres", url], board };
          },
        },
      ]
    : []),
];

async function served(...words: string[]): Promise<{ server: Running; url: string }> {
  const server = command("serve", ...words, "--json");
  const { url }: { url: string } = JSON.parse(await server.until((lines) => lines[0]));
  return { server, url };
}

async function interrupted(running: Running): Promise<unknown> {
  running.interrupt();
  return await running.ended;
}
const clean = { code: 0, signal: null, stderr: "" };

interface Asked {
  method?: string;
  path?: string;
  headers?: Record<string, string>;
}

/** Asks by node:http, since `fetch` sets the Host header itself. */
function ask(url: string, { method = "GET", path, headers = {} }: Asked) {
  const target = new URL(path ?? new URL(url).pathname, url);
  return new Promise<{ status: number | undefined; headers: NodeJS.Dict<string | string[]>; text: string }>(
    (resolve, reject) => {
      const asked = request(target, { method, headers }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (piece: string) => {
          text += piece;
        });
        response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, text }));
      });
      asked.on("error", reject).end();
    },
  );
}

describe.skipIf(!hasChromium)("serve in Chromium", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  it.each(engines)(
    "the page follows the run, keeps what is opened, and loads nothing else: $name",
    async ({ make }) => {
      const { words, board } = await make();
      const { server, url } = await served(...words);
      const page = await browser.newPage();
      const noise: string[] = [];
      page.on("console", (message) => noise.push(message.text()));
      page.on("pageerror", (error) => noise.push(error.message));
      page.on("request", (asked) => {
        if (![url, `${url}events`].includes(asked.url())) noise.push(asked.url());
      });
      await page.goto(url);
      await page.getByText("plan", { exact: true }).first().click();
      await page.getByText('"a": 1').waitFor();
      await board.createBrief({ briefId: `<img src=x onerror="alert(1)">`, tier: 1, role: "coder" });
      await board.failBrief("plan", { error: "no <b>disk</b>" });
      await page.getByText('<img src=x onerror="alert(1)">').first().waitFor();
      await page.getByText("no <b>disk</b>").first().waitFor();
      expect(await page.getByText('"a": 1').last().isVisible()).toBe(true);
      expect(await page.locator("#live").textContent()).toBe("live");
      expect(noise).toEqual([]);
      expect(await page.locator("main img, main script").count()).toBe(0);
      expect(await interrupted(server)).toEqual(clean);
      await page.getByText("not connected").waitFor();
    },
  );
});

test("serve answers only requests that read its own address, and allows its one script", async () => {
  const { file, board } = makeRun();
  const before = readFileSync(file);
  const { server, url } = await served(file);
  const { hostname, port, pathname } = new URL(url);
  expect(hostname).toBe("127.0.0.1");
  const page = await ask(url, {});
  expect(page.status).toBe(200);
  expect(page.text).toContain("a goal");
  const policy = String(page.headers["content-security-policy"]);
  expect(policy).toMatch(
    /^default-src 'none'; .*script-src 'sha256-[^']+'; connect-src 'self'; .*frame-ancestors 'none'$/,
  );
  expect(page.text).toContain(policy.replace("; frame-ancestors 'none'", ""));
  const refused: [Asked, number][] = [
    [{ headers: { Host: `attacker.example:${port}` } }, 403],
    [{ headers: { Host: "127.0.0.1" } }, 403],
    [{ path: `${pathname}events`, headers: { Host: "attacker.example" } }, 403],
    [{ path: "/" }, 404],
    [{ path: `${pathname}other` }, 404],
    ...["POST", "PUT", "DELETE", "OPTIONS"].map((method): [Asked, number] => [{ method }, 405]),
  ];
  for (const [asked, status] of refused) {
    const answer = await ask(url, asked);
    expect({ asked, status: answer.status, text: answer.text }).toEqual({ asked, status, text: "" });
    expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
  }
  expect((await ask(url, { headers: { Host: `localhost:${port}` } })).status).toBe(200);
  expect((await ask(url, { method: "HEAD" })).status).toBe(200);
  expect(await interrupted(server)).toEqual(clean);
  expect(readFileSync(file)).toEqual(before);
  board.close();
});

test("serve refuses a run that it can't follow, one that is missing, and a port that is taken", async () => {
  const { file } = makeRun();
  const { server, url } = await served(file);
  expect(run(["serve", file, "--port", new URL(url).port])).toMatchObject({ code: 1, stdout: "" });
  expect(run(["serve", file, "--port", "70000"])).toMatchObject({ code: 2, stdout: "" });
  expect(run(["serve", file, "--run", "other"])).toMatchObject({ code: 1, stdout: "" });
  const older = new URL("../fixtures/python/webhook.db", import.meta.url).pathname;
  for (const words of [["serve"], ["summary", "--watch"]]) {
    const { code, stderr } = run([...words, older]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining("its schema is reference: run migrate first"),
    });
  }
  await interrupted(server);
});

test.each(engines)("summary --watch prints the summary again when the run has changed: $name", async ({ make }) => {
  const { words, board } = await make();
  const watching = command("summary", ...words, "--watch", "--json");
  const seqOf = (line: string): number => JSON.parse(line).lastSeq;
  expect(seqOf(await watching.until((lines) => lines[0]))).toBe(0);
  await board.failBrief("plan");
  await watching.until((lines) => lines.find((line) => seqOf(line) === 1));
  expect(await interrupted(watching)).toEqual(clean);
});

test("report --open writes a private file and opens it", async () => {
  const { file } = makeRun();
  const folder = temporaryFolder();
  const opener = join(folder, "opener.sh");
  // A pipe: reading it waits until the opener has written.
  execFileSync("mkfifo", [join(folder, "opened")]);
  writeFileSync(opener, `#!/bin/sh\nprintf '%s' "$1" > ${folder}/opened\n`);
  chmodSync(opener, 0o755);
  process.env.BROWSER = opener;
  const { output } = JSON.parse(printed("report", file, "--open", "--json"));
  process.env.BROWSER = join(folder, "none");
  const failed = run(["report", file, "--open"]);
  delete process.env.BROWSER;
  expect(readFileSync(output, "utf8")).toContain("a goal");
  expect((statSync(dirname(output)).mode & 0o777).toString(8)).toBe("700");
  expect(readFileSync(join(folder, "opened"), "utf8")).toBe(output);
  expect(failed.code).toBe(1);
  expect(failed.stderr).toContain("set BROWSER");
  expect(run(["report", file]).code).toBe(2);
});
