/** Shared by the recipes: a blackboard with typed roles, and an HTTP client for a model. */
import { openBlackboard } from "run-blackboard";
import { z } from "zod";

const question = z.object({ question: z.string().min(1) });
const answer = z.object({ answer: z.string().min(1) });

export const roles = {
  /** Questions for the small model. */
  answer: { payload: question, result: answer },
  /** Questions for the large model, with the reason why the small one failed. */
  research: { payload: question.extend({ failure: z.string() }), result: answer },
  /** The combined answers, completed by the orchestrator. */
  digest: { payload: z.object({ questions: z.int() }), result: z.object({ text: z.string() }) },
};

export const openBoard = (runId: string, options: { busyTimeoutMs?: number } = {}) =>
  openBlackboard({ runId, roles, ...options });
export type Board = ReturnType<typeof openBoard>;

export async function ask(model: "small" | "large", prompt: string, signal: AbortSignal): Promise<string> {
  const url = `${process.env.MODEL_URL ?? "http://localhost:11434"}/${model}`;
  const response = await fetch(url, { method: "POST", body: prompt, signal });
  if (!response.ok) throw new Error(`${model}: ${response.status} ${await response.text()}`);
  return await response.text();
}
