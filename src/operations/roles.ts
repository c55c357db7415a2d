/**
 * The types that declared roles give to rows and parameters. Only types: what a schema says is checked in `input/roles.ts`.
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { JsonObject } from "../../drizzle/vocabulary.ts";
import type { PlainObject, StoredObject } from "../input/json.ts";
import type { Roles } from "../input/roles.ts";
import type { Brief, NewBriefBase } from "./briefs.ts";
import type { Claim } from "./held-claims.ts";

/** No roles declared: any role, any plain object. */
type Untyped<R extends Roles> = string extends keyof R ? true : [keyof R] extends [never] ? true : false;

export type RoleName<R extends Roles> = Untyped<R> extends true ? string : keyof R & string;
type Input<S> = S extends StandardSchemaV1<infer I, unknown> ? I : StoredObject;
type Output<S> = S extends StandardSchemaV1<unknown, infer O> ? (unknown extends O ? JsonObject : O) : JsonObject;

/**
 * With `roles`, a union over the declared roles, so `brief.role` narrows `brief.payload`. Without, any role. Rows are not
 * validated again when read: one that another program wrote, or an older schema, may differ from its type.
 */
export type BriefOf<R extends Roles, K extends RoleName<R> = RoleName<R>> =
  Untyped<R> extends true ? Brief : { [N in K]: Brief<Output<R[N]["payload"]>, Output<R[N]["result"]>, N> }[K];
/** What a brief of the role may be completed with. */
export type ResultInput<R extends Roles, K extends RoleName<R>> =
  Untyped<R> extends true ? StoredObject : { [N in K]: Input<R[N]["result"]> }[K];

type PayloadOf<S> =
  S extends StandardSchemaV1<infer I, unknown>
    ? // biome-ignore lint/complexity/noBannedTypes: whether a payload may be left out, which `{}` is the question for.
      {} extends I
      ? { payload?: I | undefined }
      : { payload: I }
    : { payload?: StoredObject | null | undefined };
export type NewBrief<R extends Roles = Roles, K extends RoleName<R> = RoleName<R>> =
  Untyped<R> extends true
    ? NewBriefBase & { role: K; payload?: PlainObject | null | undefined }
    : { [N in K]: NewBriefBase & { role: N } & PayloadOf<R[N]["payload"]> }[K];

/** A new brief whose payload is refused by the compiler if it can't be stored; a role's schema may accept anything. */
export type StorableBrief<R extends Roles, K extends RoleName<R>> = NewBrief<R, K> &
  (Untyped<R> extends true ? { payload?: StoredObject | null | undefined } : unknown);

/** The roles of `K` that can't be completed with what another one of them can. */
type Differing<R extends Roles, K extends RoleName<R>> =
  Untyped<R> extends true ? never : { [N in K]: [ResultInput<R, K>] extends [ResultInput<R, N>] ? never : N }[K];
/** What a claim may be completed with: nothing while it may be of several roles with different results. */
export type ClaimResult<R extends Roles, K extends RoleName<R>> = [Differing<R, K>] extends [never]
  ? ResultInput<R, K>
  : "Narrow claim.role first: these roles have different results.";

/** A union over the roles asked for. */
export type ClaimOf<R extends Roles, K extends RoleName<R> = RoleName<R>> =
  Untyped<R> extends true ? Claim : { [N in K]: Claim<BriefOf<R, N>> }[K];
