// Which codes the API can answer, read from the sources of the server: each needs words in both languages, or a person
// in an office reads the server's English.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

/** Where codes come from that no page of a tenant shows. */
const elsewhere = [
  // The operator's console has words of its own.
  /^(api|domain)\/src\/operator\//,
  // OAuth's answers to programs.
  /^api\/src\/routes\/token\.rs$/,
  /^domain\/src\/api_token\/exchange\.rs$/,
  // The program's own commands.
  /^api\/src\/cli\//,
  /^domain\/src\/secret\//,
  // Paths and names that no page of ours asks for.
  /^api\/src\/(spa|middleware\/host)\.rs$/,
  // Caught by whoever starts what is due.
  /^domain\/src\/campaign\/due\.rs$/,
  /^domain\/src\/testing\//,
  /(^|\/)tests?\.rs$/,
];

/** The arguments of a call, `from` behind its bracket. */
function argumentsOf(source, from) {
  const found = [];
  let depth = 0;
  let current = "";
  let quoted = false;
  for (let at = from; at < source.length; at += 1) {
    const c = source[at];
    if (quoted) {
      if (c === "\\") {
        current += c + source[at + 1];
        at += 1;
        continue;
      }
      current += c;
      quoted = c !== '"';
      continue;
    }
    if (depth === 0 && (c === "," || c === ")")) {
      found.push(current.trim());
      current = "";
      if (c === ")") {
        return found.filter(Boolean);
      }
      continue;
    }
    quoted = c === '"';
    depth += "([{".includes(c) ? 1 : ")]}".includes(c) ? -1 : 0;
    current += c;
  }
  return found;
}

/** Calls that make a refusal or a field's error: what of, and which argument is the code. */
const calls = [
  [/\bconflict\(/g, "problem", 0],
  [/(?<!\.)\bproblem\(/g, "problem", 1],
  [/\b(?:DomainError|Self)::invalid\(/g, "invalid", 1],
  [/\bFieldError::new\(/g, "invalid", 1],
  [/\.add\(/g, "invalid", 1],
  // Closures and helpers of a module, that have the pointer already.
  [/(?<![.\w])(?:wrong|add)\(/g, "invalid", 0],
  // Of a mail's template: a part, a line, the code.
  [/\bself\.problem\(/g, "invalid", 1],
];

/** Codes in words that stand in a struct or a table. */
const literals = [
  [/\b(?:Refused|LimitReached|Conflict|Unauthenticated)\s*\{[^}]*?\bcode:\s*"([a-z_]+)"/g, "problem"],
  [/\b(?:FieldError|Problem|RenderError)\s*\{[^}]*?\bcode:\s*"([a-z_]+)"/g, "invalid"],
  [/\bused_up\("([a-z_]+)"/g, "problem"],
  [/"(quota_[a-z]+)"\s*=>/g, "problem"],
];

/** Of every kind of error, in the two files that make an answer of it. */
const kinds = /^(domain\/src\/error\.rs|api\/src\/error\.rs)$/;

/** Codes of one file, `crates/`-relative, each as "problem.code" or "invalid.code". */
export function codesOf(file, source) {
  if (elsewhere.some((pattern) => pattern.test(file))) {
    return [];
  }
  const plain = source.split("#[cfg(test)]\nmod tests")[0];
  const found = new Set();
  for (const [pattern, kind, index] of calls) {
    for (const match of plain.matchAll(pattern)) {
      const code = /^"([a-z_]+)"$/.exec(argumentsOf(plain, match.index + match[0].length)[index] ?? "")?.[1];
      if (code) {
        found.add(`${kind}.${code}`);
      }
    }
  }
  for (const [pattern, kind] of literals) {
    for (const [, code] of plain.matchAll(pattern)) {
      found.add(`${kind}.${code}`);
    }
  }
  if (kinds.test(file)) {
    for (const [, code] of plain.matchAll(/\bSelf::\w+(?:\([^)]*\)|\s*\{[^}]*\})?\s*=>\s*"([a-z_]+)"/g)) {
      found.add(`problem.${code}`);
    }
  }
  return [...found];
}

/** Every code of the server's sources, and the files that it stands in. */
export function codesOfTree(crates) {
  const codes = new Map();
  for (const crate of ["api", "domain"]) {
    for (const name of readdirSync(path.join(crates, crate, "src"), { recursive: true, encoding: "utf8" })) {
      const file = `${crate}/src/${name.split(path.sep).join("/")}`;
      if (!file.endsWith(".rs")) {
        continue;
      }
      for (const code of codesOf(file, readFileSync(path.join(crates, file), "utf8"))) {
        codes.set(code, [...(codes.get(code) ?? []), file]);
      }
    }
  }
  return codes;
}
