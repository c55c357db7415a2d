/**
 * HTML in which data cannot be anything but text: whatever is put into a template is escaped, unless it came out of one.
 */

export interface Html {
  readonly html: string;
}
type Content = string | number | Html | readonly Html[] | undefined;

/** ```html`<b>${name}</b>` ``` */
export function html(parts: TemplateStringsArray, ...contents: readonly Content[]): Html {
  return { html: parts.map((part, index) => (index === 0 ? "" : rendered(contents[index - 1])) + part).join("") };
}

function rendered(content: Content): string {
  if (content === undefined) return "";
  if (typeof content === "number") return String(content);
  if (typeof content === "string") return escaped(content);
  return "html" in content ? content.html : content.map((one) => one.html).join("");
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Control characters become their pictures; those that turn or hide text the sign for what cannot be shown. */
function escaped(text: string): string {
  return text
    .toWellFormed()
    .replace(/[&<>"']/g, (character) => entities[character] ?? "")
    .replace(/(?![\n\t])[\p{Cc}]/gu, (character) => {
      const code = character.charCodeAt(0);
      return code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? "\u2421" : "\ufffd";
    })
    .replace(/[\p{Cf}\p{Zl}\p{Zp}]/gu, "\ufffd");
}
