/**
 * Formatting and statistics for the report.
 */
import { type BriefOutline, durationOf } from "../operations/report-data.ts";
import { plain } from "./html.ts";

export function count(value: number): string {
  return Number(value).toLocaleString("en-US");
}

const units = [
  { name: "d", ms: 86_400_000 },
  { name: "h", ms: 3_600_000 },
  { name: "min", ms: 60_000 },
  { name: "s", ms: 1000 },
  { name: "ms", ms: 1 },
] as const;

/** Returns an id or name as text, cut to `characters`: their length is not limited. */
export function short(value: unknown, characters = 80): string {
  const text = plain(value);
  return text.length <= characters ? text : `${text.slice(0, characters - 1)}…`;
}

/** Formats a duration in its two largest units, such as `3 min 20 s`. */
export function duration(ms: number): string {
  const index = units.findIndex((unit) => ms >= unit.ms);
  const unit = units[index];
  if (!unit) return "0 s";
  const next = units[index + 1];
  const rest = next && unit.name !== "s" ? Math.floor((ms % unit.ms) / next.ms) : 0;
  return `${Math.floor(ms / unit.ms)} ${unit.name}${next && rest > 0 ? ` ${rest} ${next.name}` : ""}`;
}

/** Returns a number of a row; 0 if another program stored something else there. */
export function numeric(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

/** Formats a time in UTC, to the second if `spanMs` is below 10 minutes, else to the minute. */
export function moment(ms: number, spanMs = Number.POSITIVE_INFINITY): string {
  if (!Number.isFinite(ms)) return "?";
  return new Date(ms)
    .toISOString()
    .slice(0, spanMs < 600_000 ? 19 : 16)
    .replace("T", " ");
}

/** Whether a brief has ended: it is done or failed. */
export function hasEnded({ status }: BriefOutline): boolean {
  return status === "done" || status === "failed";
}

/** Returns an ended brief's milliseconds from its claim to its end; `undefined` for others, without a claim, and for invalid times. */
export function workTime(brief: BriefOutline): number | undefined {
  if (!hasEnded(brief)) return undefined;
  return durationOf({ claimedAt: brief.claimedAt, endedAt: brief.updatedAt });
}
