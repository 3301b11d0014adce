// Which part of the SPA may import which: routes and app → features → components → auth, api, i18n, lib.
// One feature never imports another; what two need moves down into components or lib.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

/** What each part may import besides itself. `types.ts` and the generated schema of `api` are only types. */
const allowed = {
  main: ["app", "i18n"],
  app: ["api", "auth", "components", "i18n", "lib", "routeTree"],
  routeTree: ["routes"],
  routes: ["api", "auth", "components", "features", "i18n", "lib"],
  features: ["api", "auth", "components", "i18n", "lib"],
  components: ["api", "auth", "i18n", "lib"],
  // The session, its dialog, and the client that carries its token belong together.
  auth: ["api", "i18n"],
  api: ["auth", "i18n"],
  i18n: ["auth", "lib"],
  lib: ["api", "auth"],
  // The operator's console: a page of its own, which the tenants' pages never import.
  operator: ["api", "app", "auth", "components", "i18n", "lib"],
  testing: ["api", "app", "auth", "components", "i18n", "lib"],
};

const importPattern =
  /(?:^|\n)\s*(?:import|export)\s[^;]*?from\s+"([^"]+)"|import\(\s*"([^"]+)"\s*\)|(?:^|\n)import\s+"([^"]+)"/g;

/** "features/contacts/list.tsx" → { part: "features", feature: "contacts" } */
function place(file) {
  const [first = "", second = ""] = file.split("/");
  const part = first.replace(/(\.gen)?(\.tsx?)?$/, "");
  return { part, feature: part === "features" ? second : null };
}

/** Every import of `source` (the text of `file`, relative to src) that points the wrong way, in words. */
export function violations(file, source) {
  const from = place(file);
  const found = [];
  for (const match of source.matchAll(importPattern)) {
    const wanted = match[1] ?? match[2] ?? match[3];
    if (!wanted.startsWith("@/") && !wanted.startsWith(".")) {
      continue;
    }
    const target = wanted.startsWith("@/") ? wanted.slice(2) : path.posix.join(path.posix.dirname(file), wanted);
    const to = place(target);
    const isTest = /\.test\.tsx?$/.test(file);
    if (to.part === from.part) {
      if (from.feature !== null && from.feature !== to.feature) {
        found.push(`${file}: feature ${from.feature} imports feature ${to.feature} (${wanted})`);
      }
    } else if (!(allowed[from.part] ?? []).includes(to.part) && !(isTest && to.part === "testing")) {
      found.push(`${file}: ${from.part} must not import ${to.part} (${wanted})`);
    }
  }
  return found;
}

export function checkTree(root) {
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .map((file) => file.split(path.sep).join("/"))
    .filter((file) => /\.tsx?$/.test(file))
    .flatMap((file) => violations(file, readFileSync(path.join(root, file), "utf8")));
}
