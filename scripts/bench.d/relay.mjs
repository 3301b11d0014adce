// A campaign by 50 sessions through a relay that is 20 ms away: a proxy before
// the sink holds back what the relay says. Reference: 50 sessions that never
// wait for anything but the two round trips of a pipelined mail (RFC 2920):
// MAIL, RCPT and DATA together, then the mail itself.
import { connect, createServer } from 'node:net';
import { call, report } from './api.mjs';
import { importPeople } from './import.mjs';
import { campaign, prepare, rateOf } from './send.mjs';

const PEOPLE = Math.min(Number(process.env.BENCH_SEND_PEOPLE), 20_000);
const SESSIONS = 50;
const LATENCY = 0.02;
const ROUND_TRIPS = 2;

/** Passes bytes on at once towards the relay, and back after the latency. */
function farRelay() {
  const server = createServer({ noDelay: true }, (client) => {
    const relay = connect({ host: '127.0.0.1', port: Number(process.env.BENCH_SINK_PORT), noDelay: true });
    client.pipe(relay);
    relay.on('data', (bytes) => setTimeout(() => client.write(bytes), LATENCY * 1000));
    relay.on('end', () => setTimeout(() => client.end(), LATENCY * 1000));
    for (const end of [client, relay]) end.on('error', () => [client, relay].forEach((socket) => socket.destroy()));
  });
  return new Promise((resolve) => server.listen(Number(process.env.BENCH_FAR_PORT), '127.0.0.1', () => resolve(server)));
}

export async function relay() {
  const server = await farRelay();
  const mail = await prepare();
  const route = await call('POST', '/routes', {
    name: 'far', host: '127.0.0.1', port: server.address().port, security: 'none', auth: 'none', max_sessions: SESSIONS, sign: false,
  });
  await importPeople(30_000_000, PEOPLE);
  report('relay_20ms', rateOf(await campaign('far', mail, route)), 'mails/s', SESSIONS / (ROUND_TRIPS * LATENCY));
  server.close();
}
