/**
 * What the command prints: results on stdout, errors on stderr, nothing that would steer a terminal.
 */
import { BlackboardError } from "../index.ts";

export const exitCodes = { current: 0, error: 1, pending: 3 } as const;

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

export function printLine(text: string): void {
  process.stdout.write(`${printable(text)}\n`);
}

export function printError(error: unknown, json: boolean): void {
  if (json) process.stderr.write(`${JSON.stringify({ error: describeError(error) })}\n`);
  else process.stderr.write(`${printable(messageOf(error))}\n`);
}

/** An error's code, message and fields. */
export function describeError(error: unknown): { code: string; message: string } {
  if (!(error instanceof BlackboardError)) return { code: "UNEXPECTED", message: messageOf(error) };
  return { ...error, code: error.code, message: error.message };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Control and formatting characters spelled out: names and paths are data, and a terminal would obey them. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => JSON.stringify(character).slice(1, -1));
}
