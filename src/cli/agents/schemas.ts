/**
 * JSON Schemas of what the MCP tools take. They describe; what they leave open, the blackboard checks.
 */
import { briefStatuses, eventKinds, runStatuses, workstreamStatuses } from "../../errors-and-types.ts";

export type Schema = { readonly [key: string]: unknown };

export const id = (description: string): Schema => ({ type: "string", minLength: 1, maxLength: 256, description });
export const text = (description: string): Schema => ({ type: "string", description });
export const integer = (description: string, minimum = 0, maximum = 2 ** 31 - 1): Schema => ({
  type: "integer",
  minimum,
  maximum,
  description,
});
export const object = (description: string): Schema => ({ type: "object", description });

const names = (description: string): Schema => ({ type: "array", items: { type: "string" }, description });
const oneOf = (values: readonly string[], description: string): Schema => ({
  type: "string",
  enum: [...values],
  description,
});
const someOf = (values: readonly string[], description: string): Schema => ({
  type: "array",
  items: { type: "string", enum: [...values] },
  description,
});

export const runId = { ...id("The id of the run."), maxLength: 128 };
export const briefId = id("A brief's id.");
export const detail = object("JSON object to store in the event, such as { reason }.");
export const agentId = id("Your own name, which no other agent uses.");
export const leaseSeconds = integer(
  "How long the brief is yours, in seconds from now. Choose longer than you need until you renew or finish; when it is over, another agent may take the brief over.",
  1,
  2_147_483,
);
export const delaySeconds = integer("The brief can't be claimed for this many seconds.", 0, 2_147_483);
export const limit = integer("At most this many, 1 to 1000; 100 when left out.", 1, 1000);
export const runStatus = oneOf(
  runStatuses,
  "The new status. No brief can be claimed while a run is review, done or failed.",
);
export const workstreamStatus = oneOf(workstreamStatuses, "The new status. Briefs of a blocked one can't be claimed.");
export const eventKind = oneOf(eventKinds, "The kind of the event.");
export const eventKindsFilter = someOf(eventKinds, "Only events of these kinds.");
export const statusFilter = someOf(briefStatuses, "Only briefs with one of these statuses.");
export const roleFilter = names("Only briefs with one of these roles.");
export const tierFilter = integer("Only briefs of this tier.");
export const workstreamFilter = id("Only briefs in this workstream.");
export const parentFilter = id("Only direct children of this brief.");
export const briefIds = { ...names("Ids of briefs."), minItems: 1, maxItems: 1000 };

/** The part of a claim that identifies it; agents pass back the whole. */
export const claim: Schema = {
  type: "object",
  properties: { briefId, attempt: integer("The number of the claim.") },
  required: ["briefId", "attempt"],
  description: "The `claim` that claim_briefs or renew_claim returned.",
};

/** A claim or an id, of which a call takes exactly one. Clients don't support a schema that says so. */
export const reference: Record<string, Schema> = {
  claim,
  briefId: id("Instead of a claim, if you coordinate the run: changes the brief regardless of its holder."),
};

export const newBrief: Schema = {
  type: "object",
  properties: {
    role: id("Which agents may claim it."),
    briefId: id("An id of your own, so that you can repeat the call and refer to the brief; a UUID when left out."),
    payload: object("What the agent has to know, as a JSON object."),
    parentBriefId: id("The brief that this one is a part of. It must exist."),
    workstreamId: id("The workstream that it belongs to. It must exist."),
    tier: integer("A level of your choice, such as 1 for small models; 1 when left out."),
    after: names(
      "Ids of briefs that must be done before it can be claimed. They must exist, or come before it in the list.",
    ),
    priority: integer("The highest is claimed first; 0 when left out.", -(2 ** 31)),
    notBefore: text("It can't be claimed before this time, such as 2026-03-01T09:30:00Z."),
  },
  required: ["role"],
  additionalProperties: false,
};
