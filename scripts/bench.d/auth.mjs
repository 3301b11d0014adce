// What authentication costs each request, and what a storm of log-ins costs
// everybody else.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { accessToken, call, report, sql } from './api.mjs';
import { importPeople } from './import.mjs';

const SMALL = Boolean(process.env.KIKUBARI_BENCH_SMALL);
const BASE = process.env.KIKUBARI_PUBLIC_URL;
/** Requests of each kind for what authentication costs. */
const SAMPLES = SMALL ? 200 : 5000;
const WARM_UP = SMALL ? 20 : 500;
/** What it may add to the 99th percentile of a request. */
const MOST_GROWTH = 1;
const SECONDS = SMALL ? 3 : 20;
/** Log-ins that are tried a second, and lists of 100 contacts that others ask for meanwhile. */
const LOG_INS = 50;
const LISTS = 20;
const PEOPLE = SMALL ? 4 : 40;
const PASSWORD = 'thimble volcano quartz';
/** The lists' 99th percentile must stay below. */
const BAR = 50;
/** As long as the slowest log-in may wait for its turn. */
const PATIENCE = 3000;

const percentile = (times, share) => times.toSorted((a, b) => a - b)[Math.floor(times.length * share)];
const median = (times) => percentile(times, 0.5);
const p99 = (times) => percentile(times, 0.99);

/** One request over the agent's connections, read to its end. */
function ask(agent, path, { headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const method = body ? 'POST' : 'GET';
    const sent = request(BASE + path, { agent, method, headers }, (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('error', reject);
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts) }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Median of a statement over one connection of the database's owner, in ms, as psql times it. */
function asOwner(statement) {
  const args = ['-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', process.env.BENCH_OWNER_URL];
  return new Promise((resolve, reject) => {
    const psql = execFile(process.env.BENCH_PSQL, args, { maxBuffer: 1 << 26 }, (error, stdout) => {
      if (error) return reject(error);
      resolve(median([...stdout.matchAll(/^Time: ([\d.]+) ms/gm)].map((found) => Number(found[1]))));
    });
    psql.stdin.end(`\\timing on\n${`${statement};\n`.repeat(SAMPLES)}`);
  });
}

/**
 * A read of one row by its key, against the same server's readiness check: it goes the same way, takes a connection of
 * the same pool and asks the database once, in a transaction; it knows no person, limit or tenant. That it asks for
 * nothing (`SELECT 1`) is made up for by what the row costs the owner, for whom there are no policies. What is left is
 * the bearer token's check, its session in the database, the limit of requests and the policies. By turns, so that
 * whatever else happens on the machine falls on both; one request at a time, so that none waits for another.
 */
async function growth() {
  const { id: tenant } = await call('GET', '/tenant');
  const headers = { authorization: `Bearer ${await accessToken()}` };
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const times = { '/health/ready': [], '/v1/tenant': [] };
  for (let i = -WARM_UP; i < SAMPLES; i += 1) {
    for (const path of Object.keys(times)) {
      const begin = performance.now();
      const { status } = await ask(agent, path, path.startsWith('/v1') ? { headers } : {});
      if (status !== 200) throw new Error(`${path}: ${status}`);
      if (i >= 0) times[path].push(performance.now() - begin);
    }
  }
  agent.destroy();
  const row = Math.max(0, (await asOwner(`SELECT * FROM tenant WHERE id = '${tenant}'`)) - (await asOwner('SELECT 1')));
  const [plain, known] = Object.values(times);
  report('api_auth', p99(known) - p99(plain) - row, 'ms more p99', MOST_GROWTH);
  report('api_auth_median', median(known) - median(plain) - row, 'ms more');
  report('api_auth_request', p99(known), 'ms p99', p99(plain) + row);
}

/**
 * Begins `rate` pieces of work a second, whether those before are done or not: a person does not wait with their log-in
 * until another has finished. The time of a piece runs from the moment at which it was due, so that what this program
 * itself is late counts against the server; how late that was is in `late`.
 */
async function paced(rate, seconds, work) {
  const all = [];
  const late = [];
  const started = performance.now() + 10;
  for (let i = 0; i < rate * seconds; i += 1) {
    const due = started + (i * 1000) / rate;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    late.push(performance.now() - due);
    all.push(work(i).then((answer) => ({ ...answer, took: performance.now() - due })));
  }
  return { answers: await Promise.all(all), late };
}

/** Seconds of processor that the api has used so far. */
function used() {
  const fields = readFileSync(`/proc/${process.env.BENCH_API_PID}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

let address = 0;

/** A try to log in from an address of its own; the api trusts this machine as a proxy here. */
function logIn(agent, login_id, password) {
  address += 1;
  const headers = {
    'content-type': 'application/json',
    'x-forwarded-for': `198.${18 + (address >> 16)}.${(address >> 8) & 255}.${address & 255}`,
  };
  return ask(agent, '/v1/auth/login', { headers, body: JSON.stringify({ login_id, password }) });
}

/** By turns the right password, a wrong one, and somebody who is not there: none of them may be cheaper. */
function attempt(agent, i) {
  const who = Math.floor(i / 3) % PEOPLE;
  return [
    () => logIn(agent, `storm-${who}`, PASSWORD),
    () => logIn(agent, `storm-${who}`, 'wrong wrong wrong'),
    () => logIn(agent, `nobody-${i}`, PASSWORD),
  ][i % 3]();
}

/** Throws unless the answer is one of the two that it should be. */
function check({ status, headers, body }, i) {
  const expected = i % 3 === 0 ? 200 : 401;
  const isBusy = status === 503 && headers['retry-after'] && JSON.parse(body).code === 'overloaded';
  if (status !== expected && !isBusy) throw new Error(`log-in ${i}: ${status} ${body}`);
}

/** The people of the storm, and contacts to be listed; the hashes have to be what OWASP asks of argon2id. */
async function prepare() {
  for (let i = 0; i < PEOPLE; i += 1) {
    await call('POST', '/users', {
      login_id: `storm-${i}`,
      display_name: `Person ${i}`,
      email: `storm-${i}@example.jp`,
      role: 'viewer',
      password: PASSWORD,
    });
  }
  const { items } = await call('GET', '/contacts?limit=100');
  if (items.length < 100) await importPeople(8_000_000, 2000);
  const costs = await sql(
    `SELECT DISTINCT split_part(password_hash, '$', 2) || ' ' || split_part(password_hash, '$', 4)
     FROM user_account WHERE password_hash IS NOT NULL`,
  );
  for (const cost of costs.split('\n')) {
    const [, memory, passes] = /^argon2id m=(\d+),t=(\d+),p=\d+$/.exec(cost) ?? [];
    if (!(Number(memory) >= 19 * 1024 && Number(passes) >= 2)) throw new Error(`passwords are hashed with ${cost}`);
  }
}

async function storm() {
  await prepare();
  const agent = new Agent({ keepAlive: true });
  const listAgent = new Agent({ keepAlive: true });
  const headers = { authorization: `Bearer ${await accessToken()}` };
  const list = async () => {
    const answer = await ask(listAgent, '/v1/contacts?limit=100&sort=-created_at', { headers });
    if (answer.status !== 200) throw new Error(`list: ${answer.status} ${answer.body}`);
    return answer;
  };
  // Alone: the lists, then log-ins one after the other.
  const beforeLists = used();
  const quiet = await paced(LISTS, SECONDS, list);
  const listing = used() - beforeLists;
  const few = SMALL ? 6 : 30;
  const times = [];
  const beforeLogIns = used();
  for (let i = 0; i < few; i += 1) {
    const begin = performance.now();
    check(await attempt(agent, i), i);
    times.push(performance.now() - begin);
  }
  const each = (used() - beforeLogIns) / few;
  const before = used();
  const [others, tries] = await Promise.all([
    paced(LISTS, SECONDS, list),
    paced(LOG_INS, SECONDS, (i) => attempt(agent, i)),
  ]);
  const hashing = used() - before - listing;
  agent.destroy();
  listAgent.destroy();
  tries.answers.forEach(check);
  const took = (answers) => answers.map((answer) => answer.took);
  const refused = tries.answers.filter((answer) => answer.status === 503);
  const answered = tries.answers.filter((answer) => answer.status !== 503);
  if (answered.length === 0) throw new Error('nobody could log in');
  report('login_storm', p99(took(others.answers)), 'ms p99', BAR);
  report('login_storm_before', p99(took(quiet.answers)), 'ms p99', BAR);
  // How late this program itself was.
  report('login_storm_client', p99([...others.late, ...tries.late]), 'ms p99');
  report('login_answered', answered.length / SECONDS, 'log-ins/s', LOG_INS);
  report('login_wait', p99(took(answered)), 'ms p99', PATIENCE);
  report('login_refused', refused.length, 'log-ins', tries.answers.length);
  if (refused.length > 0) report('login_refused_wait', p99(took(refused)), 'ms p99');
  report('login_alone', median(times), 'ms median');
  // Processor time of an answered log-in in the storm, with the refused ones, by that of one alone: a hash each, no more.
  report('login_hashes', hashing / answered.length, 's of a core', each);
}

export async function auth() {
  await growth();
  await storm();
}
