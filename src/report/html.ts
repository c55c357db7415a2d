/**
 * HTML in which data cannot be anything but text: whatever is put into a template is escaped, unless it came out of one.
 */

/** A class, so that nothing out of a row can pass for it. */
export class Html {
  readonly html: string;
  constructor(html: string) {
    this.html = html;
  }
}
type Content = string | number | Html | readonly Html[] | undefined;

/** ```html`<b>${name}</b>` ``` */
export function html(parts: TemplateStringsArray, ...contents: readonly Content[]): Html {
  return new Html(parts.map((part, index) => (index === 0 ? "" : rendered(contents[index - 1])) + part).join(""));
}

/** `unknown`, since SQLite keeps whatever another program puts into a column: what is no number and no HTML is text. */
function rendered(content: unknown): string {
  if (content === undefined) return "";
  if (content instanceof Html) return content.html;
  if (Array.isArray(content)) return content.map(rendered).join("");
  return escaped(plain(content));
}

/** A value of a row as text: bytes as SQLite writes them, cut. */
export function plain(value: unknown): string {
  if (!ArrayBuffer.isView(value)) return String(value);
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return `x'${bytes.toString("hex", 0, 32)}${bytes.length > 32 ? "…" : ""}'`;
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
