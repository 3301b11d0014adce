// What docs/security.md and docs/asvs.md name as a proof has to be there: a test by its name, a file by its path, an
// item of the attack suite, a migration. A promise whose test was renamed or taken out is found here.
//
//   node scripts/check-proofs.mjs

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { encoding: "utf8" })
  .split("\n")
  .filter((file) => file && existsSync(file));
const text = (file) => readFileSync(file, "utf8");
const all = (folder, ending) => files.filter((file) => file.startsWith(folder) && file.endsWith(ending)).map(text);
const names = (texts, pattern) => new Set(texts.flatMap((source) => [...source.matchAll(pattern)].map((hit) => hit[1])));

const rust = all("crates/", ".rs");
// A test's attribute stands above it, perhaps with others between.
const tests = names(rust, /#\[(?:tokio::|actix_web::|rstest|test)[^\]]*\](?:\s*#\[[^\]]*\]|\s*\/\/[^\n]*)*\s*(?:async )?fn (\w+)/g);
const words = names(rust, /\b([a-z]\w*_\w+)\b/g);
const items = names(all("scripts/security.d/", ".py"), /^@item\("([^"]+)"/gm);
const steps = names([text("scripts/test")], /^step_(\w+)\(/gm);
const migrations = names([files.join("\n")], /^migrations\/\d+_(\w+)\/up\.sql$/gm);
const bases = new Set(files.map((file) => file.split("/").pop()));
const folders = new Set(files.flatMap((file) => file.split("/").map((_, n, parts) => parts.slice(0, n).join("/"))));

/** `a/{b,c}.rs` names two. */
function spread(path) {
  const hit = /^(.*?)\{([^}]*)\}(.*)$/.exec(path);
  return hit ? hit[2].split(",").flatMap((part) => spread(hit[1] + part + hit[3])) : [path];
}

/** `domain/audit/chain.rs` is the crate's own short form. */
function isThere(path) {
  const plain = path.replace(/\/$/, "");
  const short = /^(api|domain|mailer)\/(.*)$/.exec(plain);
  const places = short ? [`crates/${short[1]}/src/${short[2]}`, `crates/${plain}`] : [plain, `docs/${plain}`];
  return places.some((place) => files.includes(place) || folders.has(place) || files.includes(`${place}.rs`));
}

/** What is wrong with a word in backquotes; undefined: nothing. Words that name no proof (headers, commands) are passed over. */
function wrong(word, strict) {
  if (/^[\w.-]+(\/[\w.{},-]+)+\/?$/.test(word)) {
    const missing = spread(word).filter((path) => !isThere(path));
    return missing.length > 0 ? `there is no file ${missing.join(", ")}` : undefined;
  }
  if (/^[a-z0-9]+(_[a-z0-9]+)+$/.test(word)) {
    // Three words and more are a test's name; fewer may be a function, a table or an operation.
    const isKnown = tests.has(word) || migrations.has(word) || (word.split("_").length < 4 && words.has(word));
    return isKnown ? undefined : "there is no test, and no migration, of that name";
  }
  if (strict && /^[a-z]+([.-][a-z]+)*$/.test(word)) {
    return items.has(word) || steps.has(word) || bases.has(word) ? undefined : "there is no item of the attack suite, and no step of the tests, of that name";
  }
  return undefined;
}

/** Numbers of a row: `1.2.6, 1.2.7`, `6.5.1 – 6.5.5`, `7.6.*`. */
function ids(cell) {
  return cell.split(",").flatMap((part) => {
    const [from, to] = part.trim().split(" – ");
    const first = from.split(".");
    const last = to ? Number(to.split(".")[2]) : Number(first[2]);
    return first[2] === "*" ? [from] : Array.from({ length: last - Number(first[2]) + 1 }, (_, n) => `${first[0]}.${first[1]}.${Number(first[2]) + n}`);
  });
}

const problems = [];
const seen = new Map();
let proofs = 0;
for (const [file, strict] of [["docs/security.md", false], ["docs/asvs.md", true]]) {
  for (const [n, line] of text(file).split("\n").entries()) {
    const at = `${file}:${n + 1}`;
    const cells = line.split("|").map((cell) => cell.trim());
    if (strict && /^\d+\.\d+\./.test(cells[1] ?? "")) {
      if (!/^(yes|part|no|—|you)$/.test(cells[2])) problems.push(`${at}: the state ${cells[2]}`);
      for (const id of ids(cells[1])) {
        if (seen.has(id)) problems.push(`${at}: ${id} stands in line ${seen.get(id)} already`);
        seen.set(id, n + 1);
      }
    }
    for (const [, word] of line.matchAll(/`([^`]+)`/g)) {
      proofs += 1;
      const why = wrong(word, strict && cells.length > 3);
      if (why) problems.push(`${at}: ${word}: ${why}`);
    }
  }
}
if (tests.size < 400 || items.size < 30) problems.push(`only ${tests.size} tests and ${items.size} items were found: the check itself is broken`);
for (const problem of problems) console.error(problem);
if (problems.length > 0) {
  console.error("A promise needs its proof: name the test that shows it now, or write one.");
  process.exit(1);
}
console.error(`    ${proofs} names in docs/security.md and docs/asvs.md are there`);
