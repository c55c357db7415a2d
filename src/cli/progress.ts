/**
 * Progress of long commands: one line on stderr that is rewritten, only on a terminal; and sizes in readable units.
 */

const units = ["B", "kB", "MB", "GB", "TB"] as const;

/** Formats bytes with three digits at least, such as `740 B`, `12 kB` or `1.24 GB`. */
export function size(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit < 2 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

export interface Progress {
  /** Shows this text, at most ten times a second. It must be printable. */
  show(text: () => string): void;
  /** Removes the line. */
  end(): void;
}

const leastMs = 100;
const eraseLine = "\r\u001b[K";

/** Starts a line of progress; shows nothing unless stderr is a terminal. */
export function openProgress(): Progress {
  const { stderr } = process;
  if (!stderr.isTTY) return { show: () => undefined, end: () => undefined };
  let last = Number.NEGATIVE_INFINITY;
  let isShown = false;
  return {
    show: (text) => {
      const now = performance.now();
      if (now - last < leastMs) return;
      last = now;
      isShown = true;
      // One column less than the width: a line that fills it may wrap.
      stderr.write(eraseLine + text().slice(0, Math.max(20, (stderr.columns || 80) - 1)));
    },
    end: () => {
      if (isShown) stderr.write(eraseLine);
      isShown = false;
    },
  };
}

/** Passes chunks on and shows how much has passed, of `total` bytes if they are known. */
export async function* watched<T extends string | Uint8Array>(
  chunks: AsyncIterable<T>,
  what: string,
  total?: number,
): AsyncGenerator<T, void, void> {
  const progress = openProgress();
  let bytes = 0;
  try {
    for await (const chunk of chunks) {
      bytes += typeof chunk === "string" ? Buffer.byteLength(chunk) : chunk.length;
      const part = total ? ` of ${size(total)}, ${Math.min(100, Math.floor((bytes / total) * 100))} %` : "";
      progress.show(() => `${what}: ${size(bytes)}${part}`);
      yield chunk;
    }
  } finally {
    progress.end();
  }
}
