/**
 * The report's failures: failed briefs grouped by reason, and claims that are stuck.
 */
import type { FailureGroup, ReportData } from "../operations/report-data.ts";
import { type Html, html } from "./html.ts";
import { count, duration, short } from "./numbers.ts";
import { table } from "./tables.ts";
import { pretty } from "./tree.ts";

export const maxGroups = 20;
/** How many briefs of a group are shown with what they carry. */
const maxOfGroup = 10;

export function failures(data: ReportData): Html {
  const { groups, others } = data.failureGroups;
  if (groups.length === 0) return html`<p class="none">No failed briefs.</p>`;
  const rest = groups.slice(maxGroups).reduce((sum, { briefs }) => sum + briefs, others);
  const more =
    rest === 0 ? undefined : html`<p class="soft small">and ${count(rest)} more failed briefs, with other reasons</p>`;
  return html`${groups.slice(0, maxGroups).map((group) => drawnGroup(group, data))}${more}`;
}

function drawnGroup({ reason, briefs, roles, newestAt }: FailureGroup, data: ReportData): Html {
  const own = data.failures.filter((id) => (data.shortReasons.get(id) ?? null) === reason).slice(0, maxOfGroup);
  const names = Object.entries(roles).slice(0, 3);
  const facts = [...names.map(([role, n]) => `${short(role, 40)} ${count(n)}`), `last at ${short(newestAt)}`];
  const what = reason === null ? "no event says why" : reason === "" ? "no reason in the event" : short(reason, 300);
  const rest = briefs - own.length;
  const more =
    rest > 0 ? html`<p class="soft small">${count(rest)} ${own.length > 0 ? "more " : ""}not shown</p>` : undefined;
  return html`<details class="failure"><summary><span class="mark failed">✗</span> <b>${count(briefs)}</b> <code>${what}</code> <span class="soft small">${facts.join(" · ")}</span></summary>
${own.map((id) => drawnBrief(id, data))}${more}</details>`;
}

function drawnBrief(briefId: string, { reasons, texts, outlines }: ReportData): Html {
  const reason = reasons.get(briefId);
  const text = texts.get(briefId);
  const outline = outlines.get(briefId);
  const facts = [outline?.role, outline?.claimedBy].flatMap((fact) => (fact == null ? [] : [short(fact)]));
  const told = reason
    ? html`<p class="soft small">${reason.kind} at ${short(reason.createdAt)}</p>${pretty(reason.detail)}`
    : html`<p class="none">No event with a reason.</p>`;
  const payload = text ? html`<p class="soft small">payload</p>${pretty(text.payload)}` : undefined;
  return html`<details class="one"><summary><code>${short(briefId)}</code> <span class="soft small">${facts.join(" · ")}</span></summary>${told}${payload}</details>`;
}

/** The claims whose leases expired the longest ago; nothing if there are none. */
export function stuck({ overview: { longestExpired, expiredLeases } }: ReportData, now: Date): Html | undefined {
  if (expiredLeases === 0) return undefined;
  const rows = longestExpired.map(({ briefId, role, claimedBy, leaseExpiresAt }) => [
    html`<code>${short(briefId)}</code>`,
    short(role),
    html`<code>${short(claimedBy ?? "–")}</code>`,
    ageOf(leaseExpiresAt, now),
  ]);
  const more = expiredLeases - rows.length;
  const columns = [
    { name: "brief" },
    { name: "role", kind: "soft" },
    { name: "agent" },
    { name: "expired for", kind: "n" },
  ] as const;
  return html`<section class="card"><h2>Stuck claims</h2>
<p class="soft small">The leases of these claims have expired. An agent that claims a brief takes them over; an operator can release them.</p>
${table(columns, rows, "claims")}${more > 0 ? html`<p class="soft small">and ${count(more)} more</p>` : undefined}</section>`;
}

function ageOf(time: string | null, now: Date): string {
  const ms = now.getTime() - Date.parse(time ?? "");
  return Number.isFinite(ms) ? duration(Math.max(0, ms)) : short(time ?? "–");
}
