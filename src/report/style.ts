/**
 * The report's stylesheet: one column on narrow screens, light and dark colours, no external resources.
 */
import type { BriefStatus, EventKind } from "../../drizzle/vocabulary.ts";

/** A colour on a light page and on a dark one, of areas (3:1 to the card) and of text (4.5:1 to the card and the page). */
interface Colour {
  light: string;
  dark: string;
}

const statusColours: Readonly<Record<BriefStatus, Colour>> = {
  pending: { light: "#8490a4", dark: "#6c7a92" },
  active: { light: "#bd8200", dark: "#e8b436" },
  done: { light: "#2a9d63", dark: "#3db87a" },
  failed: { light: "#d43f4a", dark: "#f0606b" },
};
const statusInks: Readonly<Record<BriefStatus, Colour>> = {
  pending: { light: "#59657a", dark: "#98a4b8" },
  active: { light: "#8a5a00", dark: "#e8b436" },
  done: { light: "#1a7747", dark: "#3db87a" },
  failed: { light: "#bd2f3a", dark: "#f4737d" },
};
const kindColours: Readonly<Record<EventKind, Colour>> = {
  spawned: { light: "#7a8db0", dark: "#6f86b4" },
  completed: statusColours.done,
  failed: statusColours.failed,
  escalated: { light: "#8b5fd0", dark: "#a884ea" },
  retried: statusColours.active,
};
const colours = Object.entries({ ...statusColours, ...kindColours });
const inks = Object.entries(statusInks).map(([name, ink]): [string, Colour] => [`${name}-ink`, ink]);
const variables = (page: keyof Colour) =>
  [...colours, ...inks].map(([name, colour]) => `--${name}: ${colour[page]};`).join(" ");
const fills = colours.map(([name]) => `.${name} { fill: var(--${name}); }`).join(" ");
const texts = Object.keys(statusInks)
  .map((name) => `.mark.${name} { color: var(--${name}-ink); } .badge.${name} { background: var(--${name}-ink); }`)
  .join(" ");

export const style = `
:root {
  color-scheme: light dark;
  --page: #f4f5f8; --card: #fff; --ink: #1a2233; --soft: #59657a; --line: #e3e7ee; --track: #e9ecf2;
  ${variables("light")} --accent: #3566d6;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #10141c; --card: #181e2a; --ink: #e7ebf3; --soft: #98a4b8; --line: #293142; --track: #252d3c;
    ${variables("dark")} --accent: #7fa2f5;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 28px 20px 60px; }
h1 { font-size: 26px; line-height: 1.25; margin: 6px 0 10px; overflow-wrap: anywhere; letter-spacing: -0.01em; }
h2 { font-size: 16px; margin: 0 0 14px; }
p { margin: 0 0 10px; }
code, pre { font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
code { overflow-wrap: anywhere; }
pre { margin: 6px 0 12px; padding: 10px 12px; background: var(--page); border: 1px solid var(--line); border-radius: 8px; max-height: 320px; overflow: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
.soft { color: var(--soft); }
.small { font-size: 13px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 20px; margin-top: 16px; min-width: 0; }
.grid { display: grid; gap: 16px; grid-template-columns: repeat(2, minmax(0, 1fr)); }
.tiles { display: grid; gap: 12px; grid-template-columns: repeat(4, minmax(0, 1fr)); margin-top: 18px; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 14px 16px; min-width: 0; }
.tile b { display: block; font-size: 24px; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: 13px; }
.badge { display: inline-block; padding: 2px 10px; border-radius: 99px; font-size: 13px; font-weight: 600; color: var(--card); background: var(--pending-ink); }
.badge.review { background: var(--accent); }
svg { display: block; width: 100%; }
svg.bar { height: 8px; border-radius: 4px; background: var(--track); }
svg.bar.large { height: 14px; border-radius: 7px; }
svg.chart { height: 150px; }
svg.strip { height: 18px; border-radius: 4px; background: var(--track); }
${fills}
.line { fill: none; stroke: var(--spawned); stroke-width: 2; vector-effect: non-scaling-stroke; }
.line.finished { stroke: var(--done); }
.area { fill: var(--done); opacity: 0.16; }
.base { stroke: var(--line); vector-effect: non-scaling-stroke; }
.axis { display: flex; justify-content: space-between; gap: 12px; color: var(--soft); font-size: 12px; margin-top: 6px; font-variant-numeric: tabular-nums; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; font-size: 13px; color: var(--soft); margin-bottom: 10px; }
.legend i { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 6px; }
.legend svg { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 6px; }
.lanes { display: grid; grid-template-columns: minmax(90px, 200px) minmax(0, 1fr) auto; gap: 8px 14px; align-items: center; font-size: 13px; }
.lanes > * { min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.lanes .axis { grid-column: 2 / 4; white-space: normal; margin-top: 0; }
.bars { display: grid; grid-template-columns: auto minmax(0, 1fr) auto; gap: 6px 12px; align-items: center; font-size: 13px; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
details.more > summary, .one > summary { cursor: pointer; padding: 7px 0; }
.one { margin-left: 17px; }
.tree ul.more { border-left: 0; margin-left: 0; padding-left: 0; }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--soft); font-weight: 500; font-size: 13px; }
th, td { padding: 7px 14px 7px 0; border-bottom: 1px solid var(--line); vertical-align: middle; }
tr:last-child td { border-bottom: 0; }
td.n, th.n { text-align: right; white-space: nowrap; }
td.wide { min-width: 110px; width: 45%; }
td code { display: inline-block; max-width: 260px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; vertical-align: bottom; }
td.detail { max-width: 360px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.tree, .tree ul { list-style: none; margin: 0; padding: 0; }
.tree ul { margin-left: 9px; padding-left: 14px; border-left: 1px solid var(--line); }
.tree li { padding: 1px 0; }
.tree summary { cursor: pointer; border-radius: 6px; }
.tree summary::marker { color: var(--soft); }
.tree .leaf { padding-left: 17px; }
.tree .row { display: inline-flex; flex-wrap: wrap; align-items: center; gap: 2px 9px; max-width: calc(100% - 20px); }
.tree .leaf > .row { max-width: 100%; }
.tree svg.bar { width: 74px; height: 7px; flex: none; }
.tree .data { color: var(--soft); font-size: 12px; }
.tree details.data > summary { color: var(--soft); font-size: 12px; }
.tree .data { margin-left: 17px; }
.mark { font-weight: 700; flex: none; }
${texts}
.held { color: var(--failed-ink); }
.gap { fill: var(--card); }
.tree .row > * { min-width: 0; }
.failure { border-top: 1px solid var(--line); padding: 12px 0; }
.failure:first-of-type { border-top: 0; padding-top: 0; }
.failure summary { cursor: pointer; overflow-wrap: anywhere; }
#live { position: fixed; right: 14px; bottom: 14px; margin: 0; padding: 2px 10px; border: 1px solid var(--line); border-radius: 99px; background: var(--card); color: var(--soft); font-size: 13px; }
.none { color: var(--soft); }
footer { color: var(--soft); font-size: 13px; margin-top: 24px; }
@media (max-width: 720px) {
  main { padding: 18px 12px 40px; }
  h1 { font-size: 21px; }
  .card { padding: 15px; border-radius: 12px; }
  .grid { grid-template-columns: minmax(0, 1fr); gap: 0; }
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .tile b { font-size: 20px; }
  .lanes { grid-template-columns: minmax(70px, 96px) minmax(0, 1fr) auto; gap: 8px; font-size: 12px; }
  svg.chart { height: 120px; }
  .tree ul { margin-left: 5px; padding-left: 9px; }
  thead { display: none; }
  table, tbody { display: block; }
  tr { display: flex; flex-wrap: wrap; gap: 0 12px; padding: 6px 0; border-bottom: 1px solid var(--line); align-items: baseline; }
  tr:last-child { border-bottom: 0; }
  td { display: block; padding: 0; border: 0; max-width: 100%; overflow-wrap: anywhere; font-size: 13px; }
  td[data-name]:not(:first-child)::before { content: attr(data-name) " "; color: var(--soft); font-size: 12px; }
  td code { max-width: 100%; white-space: normal; }
  td.wide { flex: 1 0 90px; width: auto; align-self: center; }
  td.n, td.detail { white-space: normal; text-align: left; }
  td.detail { display: -webkit-box; -webkit-line-clamp: 2; -webkit-box-orient: vertical; }
}
@media print { .card, .tile { break-inside: avoid; } }
`;
