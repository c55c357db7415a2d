/** Returns an error's message, without the path that Node appends to system errors. */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/, \w+ '.*/s, "");
}
