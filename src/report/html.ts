/**
 * HTML templates that escape every interpolated value except the result of another template.
 */

/** Rendered HTML. A class checked by `instanceof`, so that no value of a row can pass as HTML. */
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

/** Accepts `unknown`, because SQLite stores a value of any type in any column. */
function rendered(content: unknown): string {
  if (content === undefined) return "";
  if (content instanceof Html) return content.html;
  if (Array.isArray(content)) return content.map(rendered).join("");
  return escaped(plain(content));
}

/** Converts a value of a row to text; bytes become a BLOB literal such as `x'00ff'`, cut after 32 bytes. */
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

/** Escapes HTML. Control characters become their symbols (U+2400…); formatting and bidirectional ones become U+FFFD. */
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
