import { expect, test } from "vitest";
import { temporaryFolder } from "../processes/folder.ts";
import { startProgram } from "./programs.ts";

test("a run of 160 MB is imported and exported by a process with 64 MB of memory for it", async () => {
  const program = startProgram("stream", [temporaryFolder(), "40000"], { NODE_OPTIONS: "--max-old-space-size=64" });
  const lines = await program.finish();
  expect(lines).toEqual([expect.stringMatching(/^16\d{7} same$/)]);
});
