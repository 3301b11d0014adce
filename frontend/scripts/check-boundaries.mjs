import { fileURLToPath } from "node:url";
import { checkTree } from "./boundaries.mjs";

const found = checkTree(fileURLToPath(new URL("../src", import.meta.url)));
for (const line of found) {
  console.error(line);
}
if (found.length > 0) {
  console.error(`${found.length} import(s) against the direction routes → features → components → lib`);
  process.exit(1);
}
