// Whether the time of an answer tells who has an account: 200 tries each about
// people that there are and people that there aren't, by turns, so that what
// else the machine does falls on both. Medians more than 5 % apart fail, except
// with the small sizes, where the run is too short for that.
import { call, now, report, seconds } from './api.mjs';

const BASE = process.env.KIKUBARI_PUBLIC_URL;
const SMALL = Boolean(process.env.KIKUBARI_BENCH_SMALL);
const SAMPLES = SMALL ? 20 : 200;
// A few tries each: more would be slowed down, as they should.
const TRIES = 4;
const MOST = 1.05;

let address = 0;

/** One try from an address of its own; the api trusts this machine as a proxy here. */
async function timed(path, body, status) {
  address += 1;
  const from = `10.${address >> 16}.${(address >> 8) & 255}.${address & 255}`;
  const begin = now();
  const answer = await fetch(`${BASE}/v1${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': from },
    body: JSON.stringify(body),
  });
  await answer.arrayBuffer();
  if (answer.status !== status) throw new Error(`${path}: ${answer.status}, ${status} expected`);
  return seconds(begin) * 1000;
}

const median = (times) => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)];

/**
 * `known(i)` and `unknown(i)` in pairs, and which of them first by lot: what a try leaves running behind its answer
 * (a mail is written then) falls on the tries after it, and by fixed turns these would always be of one kind.
 */
async function compare(name, known, unknown) {
  const times = { known: [], unknown: [] };
  for (let i = 0; i < SAMPLES; i += 1) {
    const both = [['known', known], ['unknown', unknown]];
    if (Math.random() < 0.5) both.reverse();
    for (const [kind, attempt] of both) times[kind].push(await attempt(i));
  }
  const [a, b] = [median(times.known), median(times.unknown)];
  report(`timing_${name}`, a, 'ms median', b);
  if (!SMALL && Math.max(a, b) / Math.min(a, b) > MOST) {
    throw new Error(`${name}: medians ${a.toFixed(2)} and ${b.toFixed(2)} ms tell who has an account`);
  }
}

/** A token of the right form for a tenant, that no mail ever held. */
function token(tenant) {
  const bytes = Buffer.from(tenant.replaceAll('-', ''), 'hex');
  return Buffer.concat([bytes, crypto.getRandomValues(Buffer.alloc(32))]).toString('base64url');
}

export async function timing() {
  const people = Math.ceil(SAMPLES / TRIES);
  for (let i = 0; i < people; i += 1) {
    await call('POST', '/users', {
      login_id: `timing-${i}`,
      display_name: `Person ${i}`,
      email: `timing-${i}@example.jp`,
      role: 'viewer',
      password: 'thimble volcano quartz',
    });
  }
  const { id: tenant } = await call('GET', '/tenant');
  const login = (id) => timed('/auth/login', { login_id: id, password: 'wrong wrong wrong' }, 401);
  await compare(
    'log_in',
    (i) => login(`timing-${i % people}`),
    (i) => login(`nobody-${i % people}`),
  );
  const reset = (who) => timed('/auth/reset-requests', { login: who }, 202);
  await compare(
    'reset',
    (i) => reset(`timing-${i % people}`),
    (i) => reset(`nobody-${i % people}`),
  );
  const accept = (of) =>
    timed('/auth/invitation-acceptances', { token: token(of), new_password: 'gakubuchi no ura ni kakusu' }, 422);
  await compare('invitation', () => accept(tenant), () => accept(crypto.randomUUID()));
}
