/** Draws the README's chart: the time of other packages for comparable work, relative to this package. */
import type { Figures } from "./measure.ts";

interface Bar {
  readonly label: string;
  readonly ratio: number;
}

/** The bars: line, level, side and label. Bars without a measurement are omitted. */
const wanted: readonly [line: string, level: Figures["level"], side: string, label: string][] = [
  ["spawnBrief", "normal", "reference", "Python reference, brief and event, as shipped"],
  ["spawnBrief", "full", "reference", "Python reference, brief and event, at equal durability"],
  ["spawnBrief", "normal", "liteque", "liteque, enqueueing a job"],
  ["logEvent beside a checkpoint", "normal", "LangGraph", "LangGraph, storing a checkpoint"],
  ["claimBrief", "normal", "plainjob", "plainjob, taking a job"],
];

const [width, labelWidth, barHeight, gap] = [760, 400, 22, 10];

export function chart(figures: readonly Figures[]): string {
  const bars: Bar[] = wanted.flatMap(([line, level, side, label]) => {
    const found = figures.find((one) => one.line === line && one.level === level)?.ratios[side];
    return found ? [{ label, ratio: found.median }] : [];
  });
  const all = [{ label: "run-blackboard", ratio: 1 }, ...bars];
  const scale = (width - labelWidth - 60) / Math.max(...all.map(({ ratio }) => ratio));
  const height = all.length * (barHeight + gap) + gap;
  const rows = all.map(({ label, ratio }, n) => {
    const y = gap + n * (barHeight + gap);
    const length = (ratio * scale).toFixed(1);
    const end = (labelWidth + ratio * scale + 8).toFixed(1);
    const text = y + barHeight / 2 + 5;
    return (
      `  <text x="${labelWidth - 10}" y="${text}" text-anchor="end">${label}</text>\n` +
      `  <rect x="${labelWidth}" y="${y}" width="${length}" height="${barHeight}" rx="3" fill="${n === 0 ? "#2da44e" : "#8c959f"}"/>\n` +
      `  <text x="${end}" y="${text}">${n === 0 ? "1" : ratio.toFixed(1)}</text>`
    );
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" ` +
    `aria-label="Time that others take for the same work, run-blackboard being 1" font-family="sans-serif" font-size="14" fill="#57606a">\n` +
    `${rows.join("\n")}\n</svg>\n`
  );
}
