/** The names that the published declarations use: which of those that an entry's declarations mention does no entry export? */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

interface Declarations {
  /** The text of each declaration, by name. */
  readonly texts: ReadonlyMap<string, string>;
  /** Where an imported name is declared: a file and its name there. `undefined` for another package. */
  readonly imports: ReadonlyMap<string, Place | undefined>;
  /** The names that the file exports, and where they are declared. */
  readonly exports: ReadonlyMap<string, Place>;
  readonly stars: readonly string[];
}
interface Place {
  readonly file: string;
  readonly name: string;
}

const cache = new Map<string, Declarations>();

function read(file: string): Declarations {
  const known = cache.get(file) ?? parse(file);
  cache.set(file, known);
  return known;
}

const list = (names: string) =>
  names
    .split(",")
    .map((one) => one.trim().replace(/^type /, ""))
    .filter(Boolean)
    .map((one) => {
      const [name = "", as = name] = one.split(" as ");
      return { name, as };
    });

function parse(file: string): Declarations {
  const text = readFileSync(file, "utf8")
    .replaceAll(/\/\*\*(?:(?!\*\/)[\s\S])*?@internal[\s\S]*?\*\/\s*.*$/gm, "")
    .replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
  const target = (from: string) =>
    from.startsWith(".") ? join(dirname(file), from.replace(/\.ts$/, ".d.ts")) : undefined;
  const texts = new Map<string, string>();
  const imports = new Map<string, Place | undefined>();
  const exports = new Map<string, Place>();
  const stars: string[] = [];
  // Statements begin a line; what belongs to one is indented or closes it.
  for (const statement of text.split(/\n(?=[a-z])/)) {
    const [, keyword, names, from] =
      /^(import|export)\s+(?:type\s+)?\{([^}]*)\}(?:\s+from\s+"([^"]+)")?/.exec(statement) ?? [];
    const [, star] = /^export \* from "([^"]+)"/.exec(statement) ?? [];
    const [, exported, declared] =
      /^(export )?(?:default )?(?:declare )?(?:abstract )?(?:function|class|interface|type|const|let) (\w+)/.exec(
        statement,
      ) ?? [];
    if (star) stars.push(target(star) ?? "");
    else if (keyword === "import" && names !== undefined) {
      for (const { name, as } of list(names)) {
        const place = target(from ?? "");
        imports.set(as, place === undefined ? undefined : { file: place, name });
      }
    } else if (keyword === "export" && names !== undefined) {
      for (const { name, as } of list(names)) {
        const place = from === undefined ? file : target(from);
        if (place !== undefined) exports.set(as, { file: place, name });
      }
    } else if (declared) {
      texts.set(declared, `${texts.get(declared) ?? ""}\n${statement}`);
      if (exported) exports.set(declared, { file, name: declared });
    }
  }
  return { texts, imports, exports, stars };
}

/** Where a name of a file is declared. */
function resolve({ file, name }: Place): Place {
  const { texts, imports, exports } = read(file);
  if (texts.has(name)) return { file, name };
  const next = imports.get(name) ?? exports.get(name);
  return next && !(next.file === file && next.name === name) ? resolve(next) : { file, name };
}

const keyOf = (place: Place) => {
  const { file, name } = resolve(place);
  return `${file} ${name}`;
};

function exportsOf(file: string): Place[] {
  const { exports, stars } = read(file);
  return [...exports.values(), ...stars.flatMap(exportsOf)];
}

/** What an exported declaration mentions: not what is private to a class. */
function mentionedBy(place: Place): string[] {
  const { file, name } = resolve(place);
  const { texts, imports } = read(file);
  const declared = texts.get(name) ?? "";
  if (/^\s*(?:export )?(?:declare )?type /.test(declared)) return [];
  const text = declared
    .split("\n")
    .filter((line) => !/^\s+(private |#)/.test(line))
    .join("\n")
    .replaceAll(/"[^"]*"/g, "");
  const words = new Set(text.match(/\b[A-Z]\w*\b/g));
  words.delete(name);
  return [...words]
    .filter((word) => texts.has(word) || imports.get(word) !== undefined)
    .map((word) => keyOf({ file, name: word }));
}

/**
 * Returns the types that signatures of the entries mention although no entry exports them, as `name (mentioned by)`. What only the
 * definition of a type mentions is a part of that type.
 */
export function unexportedTypes(entries: readonly string[]): string[] {
  const places = entries.flatMap(exportsOf);
  const exported = new Set(places.map(keyOf));
  const missing = places.flatMap((place) =>
    mentionedBy(place)
      .filter((key) => !exported.has(key))
      .map((key) => `${key.split(" ").at(-1)} (${resolve(place).name})`),
  );
  return [...new Set(missing)].sort();
}
