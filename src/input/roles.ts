/**
 * Roles: what the briefs of each role carry, declared once on opening with any Standard Schema library. A payload is checked
 * when its brief is created, a result when it is stored; what the schema gives is stored. What is read is not checked again.
 *
 * https://standardschema.dev
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { InvalidInputError } from "../errors.ts";
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

/** The roles as they were declared; `undefined` where none were, and any role may carry any object. */
export function checkRoles(check: Check, roles: Roles | undefined): Roles | undefined {
  if (roles === undefined) return undefined;
  const declared = Object.entries(check.record("roles", roles));
  for (const [role, schemas] of declared) {
    const path = `roles[${JSON.stringify(role)}]`;
    check.id(`${path}, the name`, role);
    for (const [name, schema] of Object.entries(check.object(path, schemas, schemaNames))) {
      if (schema !== undefined && !isSchema(schema)) {
        check.refuse(
          `${path}.${name}`,
          `must be a Standard Schema, such as a zod, valibot or arktype one, got ${shown(schema)}`,
        );
      }
    }
  }
  return declared.length === 0 ? undefined : roles;
}

function isSchema(value: unknown): value is StandardSchemaV1 {
  if ((typeof value !== "object" && typeof value !== "function") || value === null || !("~standard" in value))
    return false;
  const standard = value["~standard"];
  return (
    typeof standard === "object" &&
    standard !== null &&
    "validate" in standard &&
    typeof standard.validate === "function"
  );
}

/** A role that this blackboard knows. */
export function checkRole(check: Check, roles: Roles | undefined, path: string, value: unknown): string {
  const role = check.id(path, value);
  if (roles && !Object.hasOwn(roles, role)) {
    const declared = Object.keys(roles).join(", ");
    check.refuse(path, `must be one of the declared roles (${declared}), got ${shown(value)}`);
  }
  return role;
}

/** One or several of them, without repeats; `undefined` when left out. */
export function checkRoleFilter(check: Check, roles: Roles | undefined, value: unknown): string[] | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) return [checkRole(check, roles, "role", value)];
  return [...new Set(Array.from(value, (role, index) => checkRole(check, roles, `role[${index}]`, role)))];
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
  const answer = validate(schema, part, value);
  if (!answer.issues) return encodeObject(check, part, answer.value);
  for (const issue of answer.issues) check.refuse(pathOf(part, issue.path), issue.message);
  return "{}";
}

function validate(schema: StandardSchemaV1, part: string, value: unknown): StandardSchemaV1.Result<unknown> {
  let answer: ReturnType<StandardSchemaV1["~standard"]["validate"]>;
  try {
    answer = schema["~standard"].validate(value);
  } catch (cause) {
    const message = `could not be validated, its schema threw: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new InvalidInputError([{ path: part, message }], { cause });
  }
  if (!(answer instanceof Promise)) return answer;
  // Whatever comes of it: it is too late to be of use.
  answer.catch(() => undefined);
  return { issues: [{ message: "must have a schema that validates synchronously; this one gave a promise" }] };
}

function pathOf(part: string, path: StandardSchemaV1.Issue["path"] = []): string {
  return path.reduce<string>(
    (above, segment) => pathWithin(above, typeof segment === "object" ? segment.key : segment),
    part,
  );
}
