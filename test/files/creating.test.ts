/** Processes that create one file at the same time never take each other's journal for one that a missing database left. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import { startHere } from "./kill.ts";

test("four processes that open a missing run at the same time all succeed, time after time", async () => {
  const root = temporaryFolder();
  const creators = ["a", "b", "c", "d"].map((name) => startHere("create-again", [root, name]));
  await Promise.all(creators.map((creator) => creator.line("ready")));
  for (let round = 0; round < 300; round++) {
    for (const creator of creators) creator.say(`${round}`);
    const answers = await Promise.all(
      creators.map((creator) => creator.until((lines) => lines.find((line) => line.startsWith(`${round} `)))),
    );
    expect(answers).toEqual(answers.map(() => `${round} ok`));
    rmSync(join(root, "r"), { recursive: true });
  }
  await Promise.all(creators.map((creator) => creator.finish()));
});
