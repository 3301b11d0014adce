// A personalised campaign with text, HTML, three tracked links, pixel and
// one-click header, signed RSA-2048 and unsigned. References of the same run:
// what openssl signs on all cores, what smtp-source puts on the wire.
import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { call, peakMemory, report, until } from './api.mjs';
import { importPeople } from './import.mjs';

const PEOPLE = Number(process.env.BENCH_SEND_PEOPLE);
const REFERENCE_SECONDS = process.env.BENCH_REFERENCE_SECONDS;
const SINK = Number(process.env.BENCH_SINK_PORT);

const PARAGRAPH = '<p>いつもご利用いただき、誠にありがとうございます。今月のおすすめの商品と、会員の皆さまへのお知らせをお届けします。</p>\n';

const MAIL = {
  name: 'Bench',
  subject: '{{ name }} 様 今月のお知らせ',
  sender_name: '気配り商店',
  sender_address: 'news@bench.example.jp',
  locale: 'ja',
  text_mode: 'manual',
  text: '{{ name }} 様\n\n{{ city }} のお客さまへ。ポイント: {{ points }}\nhttps://example.jp/a\nhttps://example.jp/b\nhttps://example.jp/c\n\n{{ company_name }} {{ company_address }} {{ company_contact }}\n配信停止: {{ cancel_url }}\n',
  html: `<html><body><p>{{ name }} 様</p><p>{{ city }} のお客さまへ。ポイント: {{ points }}</p>\n${PARAGRAPH.repeat(8)}<p><a href="https://example.jp/a">一</a> <a href="https://example.jp/b">二</a> <a href="https://example.jp/c">三</a></p><p>{{ company_name }} {{ company_address }} {{ company_contact }}</p><p><a href="{{ cancel_url }}">配信停止</a></p></body></html>\n`,
};

/** RSA-2048 signatures a second of all cores. */
function opensslRate() {
  const args = ['speed', '-seconds', REFERENCE_SECONDS, '-multi', String(cpus().length), 'rsa2048'];
  const out = execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return Number(/^rsa\s+2048 bits\s+\S+\s+\S+\s+([\d.]+)/m.exec(out)[1]);
}

/** Mails a second of Postfix's own generator into the same sink: no database, nothing personal. */
function wireRate() {
  const count = PEOPLE < 10_000 ? 2_000 : 40_000;
  const begin = process.hrtime.bigint();
  execFileSync(process.env.BENCH_SMTP_SOURCE, ['-d', '-s', '20', '-l', '4500', '-m', String(count), `127.0.0.1:${SINK}`]);
  return count / (Number(process.hrtime.bigint() - begin) / 1e9);
}

/** Sends to everybody; answers the campaign at its end and when the order was given. */
export async function campaign(name, mail, route) {
  const created = await call('POST', '/campaigns', {
    name,
    mail_id: mail.id,
    audience: { all: true, list_ids: [], exclude_list_ids: [] },
    route_id: route.id,
  });
  const { people, can_send, checks } = await call('GET', `/campaigns/${created.id}/preflight`);
  if (!can_send) throw new Error(`pre-flight blocks: ${JSON.stringify(checks.filter((c) => c.level === 'block'))}`);
  const ordered = Date.now();
  await call('POST', `/campaigns/${created.id}/send`, { confirmed_people: people.will_receive }, created.version);
  const end = await until(
    () => call('GET', `/campaigns/${created.id}`),
    (now) => ['finished', 'stopped', 'paused'].includes(now.state),
  );
  if (end.state !== 'finished' || end.counts.accepted !== people.will_receive)
    throw new Error(`campaign ${end.state}: ${JSON.stringify(end.counts)} of ${people.will_receive}`);
  return { ...end, ordered };
}

/** Mails a second, from the order to the last reply. */
export function rateOf({ counts, started_at, finished_at }) {
  return counts.accepted / ((new Date(finished_at) - new Date(started_at)) / 1000);
}

let made;
/** The mail, and what it needs of the tenant; made once. */
export function prepare() {
  made ??= makeReady();
  return made;
}

async function makeReady() {
  const tenant = await call('GET', '/tenant');
  const legal = { sender_name: '気配り商店', postal_address: '東京都千代田区丸の内1-1-1', contact: 'https://example.jp/contact' };
  await call('PATCH', '/tenant', { legal }, tenant.version);
  await call('POST', '/sender-domains', { domain: 'bench.example.jp' });
  return call('POST', '/mails', MAIL);
}

let measured;
/** Once in a run: what `million` is compared with. */
export function send() {
  measured ??= measure();
  return measured;
}

async function measure() {
  const mail = await prepare();
  const route = (sign) => ({
    name: sign ? 'signed' : 'unsigned', host: '127.0.0.1', port: SINK, security: 'none', auth: 'none', max_sessions: 20, sign, enabled: true,
  });
  const signed = await call('POST', '/routes', route(true));
  const unsigned = await call('POST', '/routes', route(false));
  await importPeople(0, PEOPLE);
  report('send_signed', rateOf(await campaign('signed', mail, signed)), 'mails/s', opensslRate());
  const rate = rateOf(await campaign('unsigned', mail, unsigned));
  report('send_unsigned', rate, 'mails/s', wireRate());
  const memory = peakMemory(process.env.BENCH_MAILER_PID);
  report('send_memory', memory, 'MB');
  return { unsigned, mail, rate, memory };
}
