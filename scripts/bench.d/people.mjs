// Invented customers, the same in each run.
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { call } from './api.mjs';

const FAMILY = ['佐藤', '鈴木', '髙橋', '田中', '伊藤', '渡邉', '山本', '中村', '小林', '加藤', '吉田', '山﨑'];
const GIVEN = ['花子', '太郎', '結衣', '蓮', '陽葵', '悠真', '凛', '湊', '芽依', '樹'];
const CITIES = ['札幌市', '仙台市', '千代田区', '横浜市', '名古屋市', '京都市', '大阪市', '神戸市', '広島市', '福岡市'];

/** Ten own fields of the tenant, in the order of the file's columns. */
export const FIELDS = [
  { key: 'customer_no', label: '顧客番号', type: 'text' },
  { key: 'city', label: '市区町村', type: 'text' },
  { key: 'company', label: '会社名', type: 'text' },
  { key: 'birthday', label: '誕生日', type: 'date' },
  { key: 'points', label: 'ポイント', type: 'number' },
  { key: 'rank', label: '会員ランク', type: 'choice', choices: ['一般', '銀', '金'] },
  { key: 'phone', label: '電話番号', type: 'phone' },
  { key: 'page', label: 'ページ', type: 'url' },
  { key: 'magazine', label: '会報', type: 'boolean' },
  { key: 'note', label: '備考', type: 'text' },
];

const two = (n) => String(n).padStart(2, '0');

function row(i) {
  const family = FAMILY[i % FAMILY.length];
  return [
    `person${i}@d${i % 997}.example.jp`,
    `${family} ${GIVEN[(i * 7) % GIVEN.length]}`,
    `K${String(i).padStart(8, '0')}`,
    CITIES[(i * 3) % CITIES.length],
    `${family}商事株式会社`,
    `19${two(50 + (i % 50))}-${two(1 + (i % 12))}-${two(1 + (i % 28))}`,
    (i * 37) % 10000,
    ['一般', '銀', '金'][i % 3],
    `03-${String(1000 + (i % 9000))}-${String(1000 + ((i * 7) % 9000))}`,
    `https://example.jp/members/${i}`,
    i % 2 === 0 ? 'はい' : 'いいえ',
    `備考 ${i}`,
  ].join(',');
}

/** Makes the own fields unless they are there. */
export async function ensureFields() {
  const { items } = await call('GET', '/contact-fields?limit=200');
  for (const field of FIELDS) {
    if (!items.some((known) => known.key === field.key)) await call('POST', '/contact-fields', field);
  }
}

/** Writes a CSV file of people `from` to `from + count - 1`. */
export async function writePeople(file, from, count) {
  const out = createWriteStream(file);
  out.write(`メールアドレス,氏名,${FIELDS.map((field) => field.label).join(',')}\r\n`);
  for (let i = from; i < from + count; i += 1000) {
    let block = '';
    for (let j = i; j < Math.min(i + 1000, from + count); j += 1) block += `${row(j)}\r\n`;
    if (!out.write(block)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
}
