// The product's API as the benchmarks use it, and the line that they print.
import { execFile } from 'node:child_process';
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { promisify } from 'node:util';

const BASE = process.env.KIKUBARI_PUBLIC_URL;

/** Prints `bench name value unit reference ratio`, tabs between. */
export function report(name, value, unit, reference) {
  const round = (n) => (n >= 100 ? n.toFixed(0) : n.toPrecision(3));
  const ratio = reference === undefined ? ['', ''] : [round(reference), (value / reference).toFixed(2)];
  console.log(['bench', name, round(value), unit, ...ratio].join('\t'));
}

let token;
let tokenEnds = 0;

/** Access tokens live for ten minutes, a benchmark may take longer. */
export async function accessToken() {
  if (Date.now() < tokenEnds) return token;
  const answer = await fetch(`${BASE}/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ login_id: process.env.BENCH_LOGIN_ID, password: process.env.BENCH_PASSWORD }),
  });
  if (!answer.ok) throw new Error(`log-in: ${answer.status} ${await answer.text()}`);
  const session = await answer.json();
  token = session.access_token;
  if (session.me.password.must_change) await ownPassword();
  tokenEnds = Date.now() + (session.expires_in - 120) * 1000;
  return token;
}

/** What `kikubari tenant create` printed is good for nothing but its change. */
async function ownPassword() {
  const own = `${process.env.BENCH_PASSWORD}-own`;
  const answer = await fetch(`${BASE}/v1/auth/password`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ current_password: process.env.BENCH_PASSWORD, new_password: own }),
  });
  if (!answer.ok) throw new Error(`own password: ${answer.status} ${await answer.text()}`);
  process.env.BENCH_PASSWORD = own;
}

/** One call; throws on anything but 2xx. `version` becomes If-Match. */
export async function call(method, path, body, version) {
  const headers = { authorization: `Bearer ${await accessToken()}` };
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (version !== undefined) headers['if-match'] = `"${version}"`;
  const answer = await fetch(`${BASE}/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text === '' ? null : JSON.parse(text);
}

/** Uploads a file without reading it into memory. */
export async function upload(path, file) {
  const authorization = `Bearer ${await accessToken()}`;
  return new Promise((resolve, reject) => {
    const headers = { authorization, 'content-type': 'application/octet-stream', 'content-length': statSync(file).size };
    const sent = request(`${BASE}/v1${path}`, { method: 'POST', headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part) => (text += part));
      answer.on('end', () =>
        answer.statusCode < 300 ? resolve(JSON.parse(text)) : reject(new Error(`POST ${path}: ${answer.statusCode} ${text}`)),
      );
    });
    sent.on('error', reject);
    createReadStream(file).pipe(sent);
  });
}

/** Asks `read` every `interval` ms until `done` holds; a benchmark has no event to wait for that costs nothing. */
export async function until(read, done, interval = 200) {
  for (;;) {
    const value = await read();
    if (done(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, interval));
  }
}

/** Waits for the end of a job; throws when it did not succeed. */
export async function finished(job) {
  const end = await until(
    () => call('GET', `/jobs/${job.id}`),
    (now) => !['queued', 'running'].includes(now.state),
  );
  if (end.state !== 'succeeded') throw new Error(`job ${end.kind} ${end.state}: ${JSON.stringify(end.error)}`);
  return end;
}

/**
 * SQL as the database's owner, for reference measurements. Not the synchronous call: while that runs nobody notices
 * that the server closes its idle connections, and the next request goes into a dead one.
 */
export async function sql(...statements) {
  const args = statements.flatMap((statement) => ['-c', statement]);
  const all = ['-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', process.env.BENCH_OWNER_URL, ...args];
  const { stdout } = await promisify(execFile)(process.env.BENCH_PSQL, all, { maxBuffer: 1 << 28 });
  return stdout.trim();
}

/** Highest resident memory of a process since its start, in MB. */
export function peakMemory(pid) {
  const kilobytes = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1];
  return Number(kilobytes) / 1024;
}

export const seconds = (since) => Number(process.hrtime.bigint() - since) / 1e9;
export const now = () => process.hrtime.bigint();
