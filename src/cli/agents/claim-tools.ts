/**
 * The MCP tools for claims: getting one, and what is done with it.
 */
import type { Brief, Claim, ClaimRequest, PlainObject } from "../../errors-and-types.ts";
import { releaseBrief } from "../../inspect.ts";
import { complete } from "./claims.ts";
import { type ClaimRef, invalid } from "./input.ts";
import * as schema from "./schemas.ts";
import { type Tool, tool } from "./tool.ts";

/** A claim as tools return and take it: without the brief's payload, which an agent need not send back. */
interface FlatClaim {
  briefId: string;
  attempt: number;
}
interface Reference {
  claim?: FlatClaim;
  briefId?: string;
}

function flat({ brief: { briefId }, attempt, agentId, leaseExpiresAt }: Claim): FlatClaim & Partial<Claim> {
  return { briefId, attempt, agentId, leaseExpiresAt };
}

const claimOf = ({ briefId, attempt }: FlatClaim): ClaimRef => ({ brief: { briefId }, attempt });

function refOf({ claim, briefId }: Reference): ClaimRef | string {
  if (claim !== undefined && briefId === undefined) return claimOf(claim);
  if (claim === undefined && briefId !== undefined) return briefId;
  throw invalid("claim", "pass either claim or briefId");
}

const milliseconds = (seconds: number) => seconds * 1000;

const lost = "LOST_CLAIM means that another agent has the brief, or that it was ended: discard the work.";

type Asked = Omit<ClaimRequest, "leaseMs"> & { leaseSeconds: number; limit?: number };

export const claimTools: readonly Tool[] = [
  tool<Asked>({
    name: "claim_briefs",
    description:
      "Claims the next brief for you, or up to `limit`: { claims: [{ claim, brief }] }, empty if there is nothing to do. The work is described by brief.payload; brief.progress is what an earlier agent stored. No other agent gets the brief until the lease ends. Then do the work, call renew_claim before the lease ends if it takes longer, and finish with complete_brief, fail_brief, escalate_brief or release_brief, passing the claim.",
    properties: {
      agentId: schema.agentId,
      leaseSeconds: schema.leaseSeconds,
      role: schema.roleFilter,
      tier: schema.tierFilter,
      workstreamId: schema.workstreamFilter,
      maxRetries: schema.integer(
        "A brief whose lease ends when it was retried this many times is failed instead of claimed again.",
      ),
      limit: schema.integer("How many briefs at most; 1 when left out.", 1, 1000),
    },
    required: ["agentId", "leaseSeconds"],
    call: async ({ leaseSeconds, limit = 1, ...request }, { board }) => {
      const leaseMs = milliseconds(leaseSeconds);
      const claims = await (await board()).claimBriefs({ ...request, leaseMs, limit });
      return { claims: claims.map((claim) => ({ claim: flat(claim), brief: claim.brief })) };
    },
  }),
  tool<{ claim: FlatClaim; leaseSeconds: number; progress?: PlainObject }>({
    name: "renew_claim",
    description: `Extends the lease of your claim, and stores progress for the agent that continues if you stop. ${lost}`,
    properties: {
      claim: schema.claim,
      leaseSeconds: schema.leaseSeconds,
      progress: schema.object("Replaces what is stored as the brief's progress."),
    },
    required: ["claim", "leaseSeconds"],
    call: async ({ claim, leaseSeconds, progress }, { board }) => {
      const leaseMs = milliseconds(leaseSeconds);
      const held = { ...claimOf(claim), leaseExpiresAt: "" };
      const { leaseExpiresAt } = await (await board()).renewClaim(held, { leaseMs, progress });
      return { claim: { ...claim, leaseExpiresAt } };
    },
  }),
  tool<Reference & { result: PlainObject; detail?: PlainObject }>({
    name: "complete_brief",
    description: `Stores the result of a brief and sets it to done; what waits for it can then be claimed. The call may be repeated with the same result. ${lost}`,
    properties: { ...schema.reference, result: schema.object("The result, as a JSON object."), detail: schema.detail },
    required: ["result"],
    call: async ({ result, detail, ...reference }, { board }) =>
      outline(await complete(await board(), refOf(reference), result, detail)),
  }),
  tool<Reference & { detail?: PlainObject }>({
    name: "fail_brief",
    description: `Sets a brief to failed: it is not claimed again until it is retried, and what waits for it goes on waiting. ${lost}`,
    properties: { ...schema.reference, detail: schema.detail },
    call: async ({ detail, ...reference }, { board }) =>
      outline(await (await board()).failBrief(refOf(reference), detail)),
  }),
  tool<Reference & { detail?: PlainObject }>({
    name: "escalate_brief",
    description: `Sets a brief to failed and logs escalated, so that a higher tier deals with it. ${lost}`,
    properties: { ...schema.reference, detail: schema.detail },
    call: async ({ detail, ...reference }, { board }) =>
      outline(await (await board()).escalateBrief(refOf(reference), detail)),
  }),
  tool<Reference & { detail?: PlainObject; delaySeconds?: number }>({
    name: "retry_brief",
    description: `Sets a brief to pending again and counts a retry; from pending, active or failed. ${lost}`,
    properties: { ...schema.reference, delaySeconds: schema.delaySeconds, detail: schema.detail },
    call: async ({ detail, delaySeconds = 0, ...reference }, { board }) =>
      outline(await (await board()).retryBrief(refOf(reference), detail, { delayMs: milliseconds(delaySeconds) })),
  }),
  tool<Reference & { detail?: PlainObject; delaySeconds?: number }>({
    name: "release_brief",
    description: `Returns a brief to the queue: it is pending again, without counting a retry. With a claim no event is logged, so detail needs briefId. ${lost}`,
    properties: { ...schema.reference, delaySeconds: schema.delaySeconds, detail: schema.detail },
    call: async ({ detail, delaySeconds = 0, ...reference }, { board }) => {
      const options = { delayMs: milliseconds(delaySeconds) };
      const ref = refOf(reference);
      if (typeof ref === "string") return outline(await releaseBrief(await board(), ref, detail, options));
      if (detail !== undefined) throw invalid("detail", "needs briefId: an agent's own release logs no event");
      return outline(await (await board()).releaseClaim(ref, options));
    },
  }),
];

/** Without what the agent has just passed or was given. */
function outline({ payload: _, result: __, progress: ___, ...brief }: Brief): { brief: Partial<Brief> } {
  return { brief };
}
