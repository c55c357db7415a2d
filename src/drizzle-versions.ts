/**
 * What differs between the versions of Drizzle that the package runs on, and the check that the installed one is among them.
 */
import type { Column } from "drizzle-orm";
import { npmVersion } from "drizzle-orm/version";
import { DatabaseError } from "./errors.ts";

const advice = "Install drizzle-orm@0.45.4, or 1.0.0-rc.5 or later.";

/** `number` in version 0.45, `number int53` and the like in 1.0. */
export function isNumeric({ dataType }: Column): boolean {
  return dataType.startsWith("number");
}

/** `json` in version 0.45, `object json` in 1.0. */
export function holdsJson({ dataType }: Column): boolean {
  return dataType.endsWith("json");
}

/**
 * Whether the package runs on this version of Drizzle. Builds of a pull request, such as `1.0.0-rc.3-3009504`, count as the release
 * candidate that they are named after; npm sorts them after all numbered ones.
 */
export function isFitting(version: string): boolean {
  const [, major = "", minor = "", patch = "", tag] = /^(\d+)\.(\d+)\.(\d+)(?:-(.+))?$/.exec(version) ?? [];
  if (major === "0") return minor === "45" && Number(patch) >= 4 && tag === undefined;
  if (major !== "1") return false;
  if (minor !== "0" || patch !== "0" || tag === undefined) return true;
  return Number(/^rc\.(\d+)/.exec(tag)?.[1] ?? 0) >= 5;
}

/**
 * Throws before anything is opened if the package does not run on the installed version of Drizzle.
 * @throws DatabaseError.
 */
export function requireFittingDrizzle(version: string = npmVersion): void {
  if (isFitting(version)) return;
  throw new DatabaseError(`drizzle-orm ${version} does not fit this version of run-blackboard. ${advice}`);
}

/** Returns the error for a version of Drizzle whose queries don't reach the database that was opened. */
export function reachesAnother(): DatabaseError {
  return new DatabaseError(
    `Queries of drizzle-orm ${npmVersion} do not run on the database that was opened. Nothing was written. ${advice}`,
  );
}
