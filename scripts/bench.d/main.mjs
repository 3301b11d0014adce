// Runs the named benchmarks, or all, in the order in which they need each other.
import { auth } from './auth.mjs';
import { relay } from './relay.mjs';
import { send } from './send.mjs';
import { importContacts } from './import.mjs';
import { list } from './list.mjs';
import { million } from './million.mjs';
import { timing } from './timing.mjs';
import { track } from './track.mjs';

// `relay` and `send` come before `import`: a million more contacts would be in their audience. `million` wants them, and
// so do the lists of `auth`.
const BENCHES = { timing, relay, send, track, import: importContacts, list, auth, million };

const names = process.argv.slice(2);
for (const name of names) {
  if (!BENCHES[name]) {
    console.error(`there is no benchmark “${name}”; there are: ${Object.keys(BENCHES).join(' ')}`);
    process.exit(2);
  }
}
for (const [name, bench] of Object.entries(BENCHES)) {
  if (names.length === 0 || names.includes(name)) await bench();
}
