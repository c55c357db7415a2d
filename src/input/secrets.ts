/**
 * Recognizes connection strings in places that are printed, where a password in them would be shown.
 */

const connections = [
  /postgres(?:ql)?:\/\//i,
  /\b(?:pg)?password\s*=/i,
  /^["'`\s]*(?:\w+=\S+\s+)*psql\s/,
  // A user and password of any kind of server.
  /^["'`\s]*[a-z][\w+.-]*:\/\/[^/\s]*:[^/\s]*@/i,
];

/** Returns whether a text looks like a connection string, or contains one. */
export function looksLikeConnection(text: string): boolean {
  return connections.some((pattern) => pattern.test(text));
}
