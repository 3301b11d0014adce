// The contact list at the API, under the application's role: pages, orders and
// searches over the people that `import` brought.
import { call, now, report, seconds } from './api.mjs';
import { importPeople } from './import.mjs';

const ROWS = Number(process.env.BENCH_IMPORT_ROWS);
const ROUNDS = 20;

const QUERIES = {
  first_page: () => 'sort=-created_at',
  by_email: () => 'sort=email',
  by_name: () => 'sort=name',
  part_of_address: (i) => `q=${encodeURIComponent(`son${10_000_000 + ((i * 7919) % ROWS)}@`)}`,
  part_of_name: (i) => `q=${encodeURIComponent(['髙橋 花', '山﨑 太', '渡邉'][i % 3])}`,
  part_of_domain: (i) => `q=${encodeURIComponent(`@d${(i * 131) % 997}.exam`)}&sort=email`,
  rare: (i) => `q=${encodeURIComponent(`nobody-${i}`)}`,
};

export async function list() {
  const { total } = await call('GET', '/contacts?limit=1&count=true');
  if (total < ROWS) await importPeople(10_000_000, ROWS);
  let worst = 0;
  for (const [name, query] of Object.entries(QUERIES)) {
    const times = [];
    for (let i = 0; i < ROUNDS; i += 1) {
      const path = `/contacts?limit=50&${query(i)}`;
      const begin = now();
      const page = await call('GET', path);
      times.push(seconds(begin) * 1000);
      // The page behind it, by its cursor, where there is one.
      if (page.next_cursor) {
        const next = now();
        await call('GET', `${path}&cursor=${encodeURIComponent(page.next_cursor)}`);
        times.push(seconds(next) * 1000);
      }
    }
    times.sort((a, b) => a - b);
    const p95 = times[Math.floor(times.length * 0.95)];
    worst = Math.max(worst, p95);
    report(`api_list_${name}`, p95, 'ms p95');
  }
  report('api_list', worst, 'ms p95');
}
