/**
 * Roles: what the briefs of each role carry, declared once on opening with any Standard Schema library. A payload is checked
 * when its brief is created, a result when it is stored; what the schema gives is stored. What is read is not checked again.
 *
 * https://standardschema.dev
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { InvalidInputError } from "../errors.ts";
import { has, isArray, isThenable, messageOf } from "../foreign.ts";
import { listed, quoted } from "../shown.ts";
import { type Check, type Names, pathWithin, shown } from "./check.ts";
import { encodeObject } from "./json.ts";

/**
 * What a role's briefs carry. Any Standard Schema library (zod, valibot, arktype) will do; synchronous validation. Other
 * keys than these two are refused on open: a misspelt one would switch validation off.
 */
export interface RoleSchemas {
  payload?: StandardSchemaV1 | undefined;
  result?: StandardSchemaV1 | undefined;
}
export type Roles = Record<string, RoleSchemas>;
// biome-ignore lint/suspicious/noExplicitAny: "whatever roles it has" for functions that take any blackboard; no other type is both above and below each declaration.
export type AnyRoles = any;

const schemaNames: Names<RoleSchemas> = { payload: true, result: true };

/** The roles as they were declared, copied; `undefined` where none were, and any role may carry any object. */
export function checkRoles(check: Check, roles: Roles | undefined): Roles | undefined {
  if (roles === undefined) return undefined;
  if (!check.isObject("roles", roles)) return undefined;
  const declared = check.keys("roles", roles).map((role): [string, RoleSchemas] => {
    const path = `roles[${quoted(role, 60)}]`;
    check.id(`${path}, the name`, role);
    return [role, checkSchemas(check, path, check.read(path, roles, role))];
  });
  return declared.length === 0 ? undefined : Object.fromEntries(declared);
}

function checkSchemas(check: Check, path: string, given: RoleSchemas | undefined): RoleSchemas {
  const schemas = check.object(path, given, schemaNames);
  for (const [name, schema] of Object.entries(schemas)) {
    if (!isSchema(schema)) {
      check.refuse(
        `${path}.${name}`,
        `must be a Standard Schema, such as a zod, valibot or arktype one, got ${shown(schema)}`,
      );
    }
  }
  return schemas;
}

function isSchema(value: unknown): value is StandardSchemaV1 {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  return has(value, (schema) => {
    const standard = "~standard" in schema ? schema["~standard"] : undefined;
    return (
      typeof standard === "object" &&
      standard !== null &&
      "validate" in standard &&
      typeof standard.validate === "function"
    );
  });
}

/** A role that this blackboard knows. */
export function checkRole(check: Check, roles: Roles | undefined, path: string, value: unknown): string {
  const role = check.id(path, value);
  if (roles && !Object.hasOwn(roles, role)) {
    const declared = listed(Object.keys(roles));
    check.refuse(path, `must be one of the declared roles (${declared}), got ${shown(value)}`);
  }
  return role;
}

/** One or several of them, without repeats; `undefined` when left out. */
export function checkRoleFilter(check: Check, roles: Roles | undefined, value: unknown): string[] | undefined {
  if (value === undefined) return undefined;
  if (!isArray(value)) return [checkRole(check, roles, "role", value)];
  return check.list("role", value, (path, role) => checkRole(check, roles, path, role));
}

/** A brief's payload or result as it is stored: what the role's schema makes of it, or the object itself. */
export function encodeFor(
  check: Check,
  roles: Roles | undefined,
  role: string | undefined,
  part: "payload" | "result",
  value: unknown,
): string {
  const declared = roles && role !== undefined && Object.hasOwn(roles, role) ? roles[role] : undefined;
  const schema = declared?.[part];
  if (!schema) return encodeObject(check, part, value);
  const before = check.refusals;
  const validated = validate(check, schema, part, value);
  return check.refusals > before ? "{}" : encodeObject(check, part, validated);
}

/** The value that the schema returns; its issues, and whatever else is not such a value, are refused. */
function validate(check: Check, schema: StandardSchemaV1, part: string, value: unknown): unknown {
  let answer: unknown;
  try {
    answer = schema["~standard"].validate(value);
  } catch (cause) {
    const message = `could not be validated, its schema threw: ${messageOf(cause)}`;
    throw new InvalidInputError([{ path: part, message }], { cause });
  }
  if (isThenable(answer)) {
    ignore(answer);
    check.refuse(part, "must have a schema that validates synchronously; this one returned a promise");
    return undefined;
  }
  try {
    return valueIn(check, part, answer);
  } catch (cause) {
    check.refuse(part, `must have a schema whose answer can be read, and reading it threw: ${messageOf(cause)}`, cause);
    return undefined;
  }
}

/** Whatever it settles to: it is too late to be of use. */
function ignore(promise: PromiseLike<unknown>): void {
  new Promise((resolve) => resolve(promise)).catch(() => undefined);
}

function valueIn(check: Check, part: string, answer: unknown): unknown {
  if (typeof answer !== "object" || answer === null) {
    check.refuse(part, `must have a schema that answers with a value or with issues, got ${shown(answer)}`);
    return undefined;
  }
  const issues = "issues" in answer ? answer.issues : undefined;
  if (issues !== undefined) {
    refuseIssues(check, part, issues);
  } else if (!("value" in answer)) {
    check.refuse(part, `must have a schema that answers with a value or with issues, got ${shown(answer)}`);
  }
  return "value" in answer ? answer.value : undefined;
}

/** Also without any issue in it, an answer with `issues` is a refusal. */
function refuseIssues(check: Check, part: string, issues: unknown): void {
  const before = check.refusals;
  if (typeof issues === "object" && issues !== null && Symbol.iterator in issues && isIterable(issues)) {
    for (const issue of issues) {
      if (check.isFull) break;
      refuseIssue(check, part, issue);
    }
  }
  if (check.refusals === before) check.refuse(part, "was refused by its schema, which names no issue");
}

function isIterable(value: object): value is Iterable<unknown> {
  return Symbol.iterator in value && typeof value[Symbol.iterator] === "function";
}

function refuseIssue(check: Check, part: string, issue: unknown): void {
  const isObject = typeof issue === "object" && issue !== null;
  const path = isObject && "path" in issue ? issue.path : undefined;
  check.refuse(pathOf(part, path), messageOf(issue));
}

/** The most segments of an issue's path that are read. */
const maxSegments = 1000;

/** What is not a path points to the whole part. */
function pathOf(part: string, path: unknown): string {
  if (!isArray(path)) return part;
  let within = part;
  for (let index = 0; index < Math.min(path.length, maxSegments); index++) {
    const segment = path[index];
    const key: unknown = typeof segment === "object" && segment !== null && "key" in segment ? segment.key : segment;
    const isKey = typeof key === "string" || typeof key === "number" || typeof key === "symbol";
    within = pathWithin(within, isKey ? key : shown(key));
  }
  return within;
}
