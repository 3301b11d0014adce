// Opens and clicks. First as many as come in a bad hour, at a fixed pace and
// with the API on one core: how late the answers are, and how soon all of them
// are in the database. Then as fast as they are answered. The reference is the
// health check through the same client: HTTP with nothing behind it.
import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { createHmac, hkdfSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { call, now, report, seconds, sql, until } from './api.mjs';

const DELIVERIES = Number(process.env.BENCH_SEND_PEOPLE) < 10_000 ? 500 : 50_000;
const CONNECTIONS = 32;
/** Requests under way on each connection. */
const DEPTH = 4;
/** Requests a second that one core has to bear. */
const PACE = 10_000;
const PERSON = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0';

/** Signs links as domain/delivery/token.rs does. */
function signer(tenant, campaign, period) {
  const master = Buffer.from(readFileSync(process.env.KIKUBARI_SECRET_KEY_FILE, 'utf8').trim(), 'base64');
  const key = Buffer.from(hkdfSync('sha256', master, 'kikubari', 'token v1', 32));
  const id = (uuid) => Buffer.from(uuid.replaceAll('-', ''), 'hex');
  const u16 = (n) => Buffer.from([n >> 8, n & 255]);
  const [year, month] = period.split('-').map(Number);
  const months = u16((year - 2000) * 12 + month - 1);
  return (delivery, link) => {
    const parts = [Buffer.from([1, link ? 3 : 2]), id(tenant), months, id(delivery), u16(link)];
    const body = Buffer.concat(link ? [...parts, id(campaign)] : parts);
    const mac = createHmac('sha256', key).update('delivery token\0').update(body).digest().subarray(0, 16);
    return Buffer.concat([body, mac]).toString('base64url');
  };
}

/**
 * Asks for all paths over a few connections, at `pace` a second when one is
 * given; answers requests/s and the 99th percentile in ms. With a pace a
 * request is late from the moment at which it should have been sent.
 */
async function hammer(paths, status, pace) {
  const { hostname, port } = new URL(process.env.KIKUBARI_PUBLIC_URL);
  const head = ` HTTP/1.1\r\nHost: ${hostname}:${port}\r\nUser-Agent: ${PERSON}\r\n\r\n`;
  const times = [];
  let next = 0;
  const started = performance.now();
  const allowed = () => (pace ? Math.min(paths.length, ((performance.now() - started) * pace) / 1000) : paths.length);
  const one = () =>
    new Promise((resolve, reject) => {
      const socket = connect({ host: hostname, port: Number(port), noDelay: true });
      const sent = [];
      let rest = '';
      const ask = () => {
        let text = '';
        const most = allowed();
        while (sent.length < DEPTH && next < most) {
          sent.push(pace ? started + (next * 1000) / pace : performance.now());
          text += `GET ${paths[next++]}${head}`;
        }
        if (text) socket.write(text);
        else if (sent.length === 0 && next < paths.length) setTimeout(ask, 1);
        else if (sent.length === 0) socket.end(resolve);
      };
      socket.setEncoding('latin1').on('error', reject).on('connect', ask);
      socket.on('data', (data) => {
        // Bodies hold no "HTTP/1.1 ": each is the head of an answer.
        const text = rest + data;
        const heads = text.split('HTTP/1.1 ');
        for (const answer of heads.slice(1, -1)) take(answer);
        const last = heads.at(-1);
        // The last head may be cut, within its status or before it.
        const isCut = heads.length > 1 && last.length < 3;
        if (heads.length > 1 && !isCut) take(last);
        rest = text.slice(isCut ? -12 : -8);
        ask();
      });
      const take = (answer) => {
        if (!answer.startsWith(status)) reject(new Error(`answered ${answer.slice(0, 40)}`));
        times.push(performance.now() - sent.shift());
      };
    });
  const begin = now();
  await Promise.all(Array.from({ length: CONNECTIONS }, one));
  const rate = paths.length / seconds(begin);
  times.sort((a, b) => a - b);
  return { rate, p99: times[Math.floor(times.length * 0.99)] };
}

export async function track() {
  const { id: tenant } = await call('GET', '/tenant');
  const mail = await call('POST', '/mails', { name: 'Track', subject: 'Track' });
  const list = await call('POST', '/lists', { name: `Track ${Date.now()}` });
  const body = { name: 'Track', mail_id: mail.id, audience: { list_ids: [list.id] } };
  const { id: campaign } = await call('POST', '/campaigns', body);
  const period = await sql("SELECT date_trunc('month', now() AT TIME ZONE 'UTC')::date");
  await sql(
    `UPDATE campaign SET state = 'finished', period = '${period}', mail_number = 1 WHERE id = '${campaign}'`,
    `INSERT INTO link VALUES ('${tenant}', '${campaign}', 1, 'https://example.jp/news')`,
    `INSERT INTO delivery (tenant_id, period, id, campaign_id, contact_id, address, state)
     SELECT '${tenant}', '${period}', gen_random_uuid(), '${campaign}', gen_random_uuid(), i || '@example.jp', 'accepted'
     FROM generate_series(1, ${DELIVERIES}) i`,
  );
  const deliveries = (await sql(`SELECT id FROM delivery WHERE campaign_id = '${campaign}'`)).split('\n');
  const sign = signer(tenant, campaign, period);
  const written = async () => Number(await sql(`SELECT count(*) FROM event WHERE campaign_id = '${campaign}'`));
  const flushed = async (total) => {
    const ended = now();
    const all = await until(written, (n) => n >= total || seconds(ended) > 30);
    return { late: seconds(ended), lost: total - all };
  };
  // Twice as many as there are mails: a second open is written, too.
  const often = [...deliveries, ...deliveries].map((id) => `/t/o/${sign(id, 0)}`);
  pin('0');
  const paced = await hammer(often, '200', PACE);
  const soon = await flushed(often.length);
  pin(`0-${cpus().length - 1}`);
  report('track', paced.rate, 'requests/s', PACE);
  report('track_p99', paced.p99, 'ms');
  report('track_flush', soon.late, 's');
  const floor = await hammer(deliveries.map(() => '/health/live'), '200');
  const opens = await hammer(deliveries.map((id) => `/t/o/${sign(id, 0)}`), '200');
  report('track_open', opens.rate, 'requests/s', floor.rate);
  report('track_open_p99', opens.p99, 'ms', floor.p99);
  const clicks = await hammer(deliveries.map((id) => `/t/c/${sign(id, 1)}`), '302');
  report('track_click', clicks.rate, 'requests/s', floor.rate);
  report('track_click_p99', clicks.p99, 'ms', floor.p99);
  const total = 4 * DELIVERIES;
  const { late, lost } = await flushed(total);
  report('track_flush_flood', late, 's');
  report('track_lost', lost, 'hits');
  if (lost !== 0) throw new Error(`${lost} of ${total} opens and clicks were not written`);
}

/** Keeps the API's threads to some cores. */
function pin(cores) {
  execFileSync('taskset', ['-apc', cores, process.env.BENCH_API_PID], { stdio: 'ignore' });
}
