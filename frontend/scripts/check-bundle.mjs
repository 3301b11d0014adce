// The first load of the log-in, home and contacts pages stays within 250 kB of script, gzipped.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const limit = 250 * 1024;
const dist = new URL("../dist/", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", dist), "utf8"));

/** A chunk and all it imports at once (not what it imports when needed). */
function withImports(key, seen = new Set()) {
  if (!seen.has(key)) {
    seen.add(key);
    for (const imported of manifest[key].imports ?? []) {
      withImports(imported, seen);
    }
  }
  return seen;
}

const sizes = new Map();
function gzipped(file) {
  if (!sizes.has(file)) {
    sizes.set(file, gzipSync(readFileSync(new URL(file, dist))).length);
  }
  return sizes.get(file);
}

function chunkOf(pattern) {
  const key = Object.keys(manifest).find((name) => pattern.test(name));
  if (!key) {
    throw new Error(`no chunk matches ${pattern}`);
  }
  return key;
}

const pages = {
  "/login": [/src\/routes\/login\.tsx/],
  "/": [/src\/routes\/_app\.tsx/, /src\/routes\/_app\.index\.tsx/],
  "/contacts": [/src\/routes\/_app\.tsx/, /src\/routes\/_app\.contacts\.index\.tsx/],
};
let failed = false;
for (const [page, patterns] of Object.entries(pages)) {
  const chunks = new Set(withImports("index.html"));
  withImports(chunkOf(/src\/i18n\/ja\/index\.ts$/), chunks);
  for (const pattern of patterns) {
    withImports(chunkOf(pattern), chunks);
  }
  const files = new Set([...chunks].map((key) => manifest[key].file).filter((file) => file.endsWith(".js")));
  const size = [...files].reduce((sum, file) => sum + gzipped(file), 0);
  failed ||= size > limit;
  console.log(`first load of ${page}: ${(size / 1024).toFixed(1)} kB of ${limit / 1024} kB script, gzipped`);
}
if (failed) {
  console.error("first load is over its limit");
  process.exit(1);
}
