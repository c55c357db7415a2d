/**
 * Role schemas, declared on opening with any Standard Schema library. A payload is validated when its brief is created, a
 * result when it is stored; the schema's output is stored. Rows are not validated again when read.
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
 * The payload and result schemas of a role, from any Standard Schema library (zod, valibot, arktype) that validates
 * synchronously. Opening throws for any other key, because a misspelt one would disable validation.
 */
export interface RoleSchemas {
  payload?: StandardSchemaV1 | undefined;
  result?: StandardSchemaV1 | undefined;
}
export type Roles = Record<string, RoleSchemas>;
// biome-ignore lint/suspicious/noExplicitAny: "whatever roles it has" for functions that take any blackboard; no other type is both above and below each declaration.
export type AnyRoles = any;

const schemaNames: Names<RoleSchemas> = { payload: true, result: true };

/** Returns a copy of the declared roles; `undefined` without any, which allows any role with any object. */
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

/** One of the declared roles; any id if none are declared. */
export function checkRole(check: Check, roles: Roles | undefined, path: string, value: unknown): string {
  const role = check.id(path, value);
  if (roles && !Object.hasOwn(roles, role)) {
    const declared = listed(Object.keys(roles));
    check.refuse(path, `must be one of the declared roles (${declared}), got ${shown(value)}`);
  }
  return role;
}

/** One or several roles, without duplicates; `undefined` when omitted. */
export function checkRoleFilter(check: Check, roles: Roles | undefined, value: unknown): string[] | undefined {
  if (value === undefined) return undefined;
  if (!isArray(value)) return [checkRole(check, roles, "role", value)];
  return check.list("role", value, (path, role) => checkRole(check, roles, path, role));
}

/** Encodes a brief's payload or result: the output of the role's schema, or the object itself without a schema. */
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

/** Returns the schema's output. Refuses the schema's issues and any other return value. */
function validate(check: Check, schema: StandardSchemaV1, part: string, value: unknown): unknown {
  let answer: unknown;
  try {
    answer = schema["~standard"].validate(value);
  } catch (cause) {
    const message = `could not be validated because its schema threw: ${messageOf(cause)}`;
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
    check.refuse(part, `must have a schema with a readable result, but reading it threw: ${messageOf(cause)}`, cause);
    return undefined;
  }
}

/** Handles a rejection that is no longer of use. */
function ignore(promise: PromiseLike<unknown>): void {
  new Promise((resolve) => resolve(promise)).catch(() => undefined);
}

function valueIn(check: Check, part: string, answer: unknown): unknown {
  if (typeof answer !== "object" || answer === null) {
    check.refuse(part, `must have a schema that returns \`value\` or \`issues\`, got ${shown(answer)}`);
    return undefined;
  }
  const issues = "issues" in answer ? answer.issues : undefined;
  if (issues !== undefined) {
    refuseIssues(check, part, issues);
  } else if (!("value" in answer)) {
    check.refuse(part, `must have a schema that returns \`value\` or \`issues\`, got ${shown(answer)}`);
  }
  return "value" in answer ? answer.value : undefined;
}

/** A result with `issues` is a refusal even if the list is empty. */
function refuseIssues(check: Check, part: string, issues: unknown): void {
  const before = check.refusals;
  if (typeof issues === "object" && issues !== null && Symbol.iterator in issues && isIterable(issues)) {
    for (const issue of issues) {
      if (check.isFull) break;
      refuseIssue(check, part, issue);
    }
  }
  if (check.refusals === before) check.refuse(part, "was refused by its schema, which reported no issue");
}

function isIterable(value: object): value is Iterable<unknown> {
  return Symbol.iterator in value && typeof value[Symbol.iterator] === "function";
}

function refuseIssue(check: Check, part: string, issue: unknown): void {
  const isObject = typeof issue === "object" && issue !== null;
  const path = isObject && "path" in issue ? issue.path : undefined;
  check.refuse(pathOf(part, path), messageOf(issue));
}

/** Maximum number of segments read of an issue's path. */
const maxSegments = 1000;

/** Converts an issue's path; an invalid one refers to the whole payload or result. */
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
