/** Determines the language of a file by its name. */
import { basename } from "node:path";

const extensions: Record<string, string> = {
  Ada: "ada adb ads",
  Assembly: "asm s",
  Astro: "astro",
  Batch: "bat cmd",
  C: "c h",
  "C#": "cs csx",
  "C++": "cc cpp cxx c++ hh hpp hxx h++",
  Clojure: "clj cljc cljs edn",
  COBOL: "cbl cob",
  CoffeeScript: "coffee",
  CSS: "css",
  CSV: "csv tsv",
  D: "d",
  Dart: "dart",
  Diff: "diff patch",
  Elixir: "ex exs",
  Elm: "elm",
  Erlang: "erl hrl",
  "F#": "fs fsi fsx",
  Fortran: "f f90 f95 for",
  Go: "go",
  GraphQL: "graphql gql",
  Groovy: "groovy gradle",
  Haskell: "hs lhs",
  HCL: "hcl tf tfvars",
  HTML: "htm html xhtml",
  INI: "cfg conf ini properties",
  Java: "java",
  JavaScript: "cjs js jsx mjs",
  JSON: "json json5 jsonc jsonl ndjson",
  Julia: "jl",
  Kotlin: "kt kts",
  Less: "less",
  Lisp: "el lisp lsp",
  Lua: "lua",
  Makefile: "mk mak",
  Markdown: "markdown md mdx",
  Nim: "nim",
  Nix: "nix",
  "Objective-C": "m mm",
  OCaml: "ml mli",
  Pascal: "pas pp",
  Perl: "pl pm t",
  PHP: "php phtml",
  PowerShell: "ps1 psd1 psm1",
  "Protocol Buffers": "proto",
  Python: "py pyi pyw",
  R: "r rmd",
  reStructuredText: "rst",
  Ruby: "gemspec rake rb",
  Rust: "rs",
  Sass: "sass scss",
  Scala: "sbt sc scala",
  Scheme: "rkt scm ss",
  Shell: "bash fish ksh sh zsh",
  Solidity: "sol",
  SQL: "sql",
  Svelte: "svelte",
  SVG: "svg",
  Swift: "swift",
  Tcl: "tcl",
  TeX: "bib cls sty tex",
  Text: "log text txt",
  TOML: "toml",
  TypeScript: "cts mts ts tsx",
  "Visual Basic": "bas vb vbs",
  Vue: "vue",
  XML: "plist xml xsd xsl xslt",
  YAML: "yaml yml",
  Zig: "zig",
};

const names: Record<string, string> = {
  CMake: "cmakelists.txt",
  Dockerfile: "containerfile dockerfile",
  Go: "go.mod go.sum",
  INI: ".editorconfig .gitconfig .npmrc",
  JSON: ".babelrc .eslintrc .prettierrc",
  Makefile: "gnumakefile makefile",
  Ruby: "gemfile rakefile",
  Shell: ".bash_profile .bashrc .profile .zshrc",
  Text: "authors copying license notice readme",
};

const languageByExtension = inverted(extensions);
const languageByName = inverted(names);

/** Returns the language, or `other` for an unknown name. */
export function languageOf(path: string): string {
  const name = basename(path).toLowerCase();
  const extension = name.slice(name.lastIndexOf(".") + 1);
  return languageByName.get(name) ?? (extension === name ? undefined : languageByExtension.get(extension)) ?? "other";
}

function inverted(languages: Record<string, string>): Map<string, string> {
  return new Map(
    Object.entries(languages).flatMap(([language, list]) => list.split(" ").map((item) => [item, language])),
  );
}
