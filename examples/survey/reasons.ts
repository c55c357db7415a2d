/** What an error says, without the path that Node puts behind the words of a system error. */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/, \w+ '.*/s, "");
}
