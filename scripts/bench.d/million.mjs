// A campaign ten times as large as that of `send`, unsigned: whether a mail
// still takes as long, whether the mailer needs more memory, how long the
// first person waits while the rest of the audience is still being frozen,
// and whether one mail to one person overtakes it all the while.
import { setTimeout as wait } from 'node:timers/promises';
import { call, peakMemory, report, sql } from './api.mjs';
import { importPeople } from './import.mjs';
import { campaign, rateOf, send } from './send.mjs';

const PEOPLE = Number(process.env.BENCH_MILLION_PEOPLE);
/** Milliseconds between two transactional mails. */
const PAUSE = 250;

export async function million() {
  const { unsigned, mail, rate, memory } = await send();
  const { contacts } = await call('GET', '/summary');
  if (contacts.total < PEOPLE) await importPeople(20_000_000, PEOPLE - contacts.total);
  const running = campaign('million', mail, unsigned);
  const calls = await overtake(mail, running);
  const sent = await running;
  report('send_million', rateOf(sent), 'mails/s', rate);
  report('send_million_memory', peakMemory(process.env.BENCH_MAILER_PID), 'MB', memory);
  const first = await sql(`SELECT extract(epoch FROM min(attempted_at)) FROM delivery WHERE campaign_id = '${sent.id}'`);
  report('first_data', Number(first) - sent.ordered / 1000, 's');
  report('transactional_p99', await lateness(calls), 's');
}

/** Sends transactional mails until `running` ends; answers when each was asked for. */
async function overtake(mail, running) {
  const calls = [];
  let goesOn = true;
  running.finally(() => (goesOn = false)).catch(() => undefined);
  while (goesOn) {
    const at = Date.now();
    const { id } = await call('POST', '/transactional-sends', {
      mail_id: mail.id,
      email: `buyer${calls.length}@d1.example.jp`,
      values: { name: '佐藤 花子', city: '千代田区', points: 10 },
    });
    calls.push({ id, at });
    await wait(PAUSE);
  }
  return calls;
}

/** Seconds from the call to DATA that 99 of 100 don't exceed; throws when one never went. */
async function lateness(calls) {
  const ids = calls.map(({ id }) => `'${id}'`).join(',');
  const rows = await sql(`SELECT id, extract(epoch FROM attempted_at) FROM delivery WHERE id IN (${ids}) AND state = 'accepted'`);
  const attempted = new Map(rows.split('\n').map((row) => row.split('|')));
  if (attempted.size !== calls.length) throw new Error(`${attempted.size} of ${calls.length} transactional mails went out`);
  const late = calls.map(({ id, at }) => Number(attempted.get(id)) - at / 1000).sort((a, b) => a - b);
  return late[Math.ceil(late.length * 0.99) - 1];
}
