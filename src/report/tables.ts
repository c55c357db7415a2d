/**
 * The report's tables. On a narrow screen a row becomes a few lines in which each value has its column's name, so that no column
 * is off the screen; rows beyond the first are folded.
 */
import { type Html, html } from "./html.ts";
import { count } from "./numbers.ts";

interface Column {
  /** "" for one without a heading. */
  readonly name: string;
  /** `n`: a number, at the right; `wide`: takes the room that is left; `detail`: cut to one line. */
  readonly kind?: "n" | "wide" | "soft" | "held" | "detail";
}

type Cell = Html | string;

/** How many rows are seen before the table is opened. */
const maxRows = 10;

/** Draws a table; `things` names its rows, such as `roles`. */
export function table(columns: readonly Column[], rows: readonly (readonly Cell[])[], things: string): Html {
  const more = rows.slice(maxRows);
  return html`${part(columns, rows.slice(0, maxRows))}${
    more.length === 0
      ? undefined
      : html`<details class="more"><summary class="soft small">${count(more.length)} more ${things}</summary>${part(columns, more)}</details>`
  }`;
}

function part(columns: readonly Column[], rows: readonly (readonly Cell[])[]): Html {
  const isNamed = columns.some(({ name }) => name !== "");
  const head = columns.map(({ name, kind }) => html`<th${kind === "n" ? html` class="n"` : undefined}>${name}</th>`);
  const body = rows.map((row) => html`<tr>${row.map((cell, index) => drawn(columns[index], cell))}</tr>`);
  return html`<div class="scroll"><table>${isNamed ? html`<thead><tr>${head}</tr></thead>` : undefined}<tbody>${body}</tbody></table></div>`;
}

function drawn(column: Column | undefined, cell: Cell): Html {
  const { name = "", kind } = column ?? {};
  const ofKind = kind === undefined ? undefined : html` class="${kind}"`;
  return html`<td${ofKind}${name === "" ? undefined : html` data-name="${name}"`}>${cell}</td>`;
}
