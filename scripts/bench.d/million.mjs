// A campaign ten times as large as that of `send`, unsigned: whether a mail
// still takes as long, whether the mailer needs more memory, and how long the
// first person waits while the rest of the audience is still being frozen.
import { call, peakMemory, report, sql } from './api.mjs';
import { importPeople } from './import.mjs';
import { campaign, rateOf, send } from './send.mjs';

const PEOPLE = Number(process.env.BENCH_MILLION_PEOPLE);

export async function million() {
  const { unsigned, mail, rate, memory } = await send();
  const { contacts } = await call('GET', '/summary');
  if (contacts.total < PEOPLE) await importPeople(20_000_000, PEOPLE - contacts.total);
  const sent = await campaign('million', mail, unsigned);
  report('send_million', rateOf(sent), 'mails/s', rate);
  report('send_million_memory', peakMemory(process.env.BENCH_MAILER_PID), 'MB', memory);
  const first = await sql(`SELECT extract(epoch FROM min(attempted_at)) FROM delivery WHERE campaign_id = '${sent.id}'`);
  report('first_data', Number(first) - sent.ordered / 1000, 's');
}
