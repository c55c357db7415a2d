/**
 * The report as a page that follows its run: one script, and the policy that allows this script only. The script fetches the page
 * again when the server says that the run has changed, and keeps what the reader opened and the place that they scrolled to.
 */
import { createHash } from "node:crypto";

/** Values of rows are in the page as escaped text, and scripts of a parsed page don't run. */
export const script = `
const label = (details) => {
  const summary = details.querySelector(":scope > summary");
  return summary?.querySelector("code")?.textContent ?? summary?.textContent.replace(/[0-9,]+/g, "");
};
const keyOf = (details) => {
  const outer = details.parentElement.closest("details");
  const place = outer ? keyOf(outer) : details.closest("section")?.querySelector("h2")?.textContent;
  return place + "\\n" + label(details);
};
const refresh = async () => {
  const response = await fetch("./", { cache: "no-store" });
  if (!response.ok) throw new Error(response.statusText);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const opened = new Map([...document.querySelectorAll("main details")].map((one) => [keyOf(one), one.open]));
  for (const one of page.querySelectorAll("main details")) one.open = opened.get(keyOf(one)) ?? one.open;
  const { scrollX, scrollY } = window;
  document.querySelector("main").replaceWith(page.querySelector("main"));
  window.scrollTo(scrollX, scrollY);
};
const state = document.querySelector("#live");
const say = (text) => { state.textContent = text; };
let isRefreshing = false;
let isStale = false;
const follow = async () => {
  isStale = true;
  if (isRefreshing) return;
  isRefreshing = true;
  while (isStale) {
    isStale = false;
    await refresh().then(() => say("live"), () => say("not up to date"));
  }
  isRefreshing = false;
};
const source = new EventSource("./events");
source.addEventListener("change", follow);
source.addEventListener("error", () => say("not connected"));
`;

const hash = createHash("sha256").update(script).digest("base64");

/** The report's policy with this script, and with connections to the server that the page came from. */
export const livePolicy = `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${hash}'; connect-src 'self'; base-uri 'none'; form-action 'none'`;
