/**
 * What a misspelt name may have meant. Commander does the same for commands and options, but does not export it.
 */

/** Returns the names, at most three, that differ from the typed one in few characters, the most similar first. */
export function closest(typed: string, names: Iterable<string>): string[] {
  const most = Math.min(3, Math.floor(typed.length / 2.5));
  const found: { name: string; edits: number }[] = [];
  for (const name of new Set(names)) {
    const edits = name.toLowerCase() === typed.toLowerCase() ? 0 : editsBetween(typed, name, most);
    if (edits <= most) found.push({ name, edits });
  }
  const sorted = found.sort((a, b) => a.edits - b.edits).slice(0, 3);
  return sorted.map(({ name }) => name);
}

/** Returns a question that ends a message; "" without suggestions. */
export function didYouMean(names: readonly string[]): string {
  const quoted = names.map((name) => JSON.stringify(name));
  const last = quoted.pop();
  if (last === undefined) return "";
  return ` Did you mean ${quoted.length === 0 ? last : `${quoted.join(", ")} or ${last}`}?`;
}

/** Insertions, deletions, replacements and swaps of neighbours that turn one text into the other; above `most`, any number above. */
function editsBetween(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      const edits = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (isSame ? 0 : 1));
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row.push(isSwap ? Math.min(edits, (before[j - 2] ?? 0) + 1) : edits);
    }
    if (Math.min(...row) > most) return most + 1;
    before = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
