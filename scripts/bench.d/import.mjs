// Import of a customer file with ten own fields, against COPY of the same rows
// into a table of the same shape and indexes.
import { rmSync } from 'node:fs';
import { call, finished, now, peakMemory, report, seconds, sql, upload } from './api.mjs';
import { FIELDS, ensureFields, writePeople } from './people.mjs';

const ROWS = Number(process.env.BENCH_IMPORT_ROWS);

/** Brings people into the product as a person would: upload, plan, run. Answers rows a second. */
export async function importPeople(from, count) {
  const file = `${process.env.BENCH_WORK}/people.csv`;
  await ensureFields();
  await writePeople(file, from, count);
  const begin = now();
  const uploaded = await upload(`/imports?filename=people.csv`, file);
  const mapping = [{ column: 0, target: 'email' }, { column: 1, target: 'name' }].concat(
    FIELDS.map((field, index) => ({ column: index + 2, target: `field:${field.key}` })),
  );
  const plan = { ...uploaded.suggested, mapping, mode: 'add', list_ids: [] };
  const planned = await call('PUT', `/imports/${uploaded.id}/plan`, plan, uploaded.version);
  await finished(await call('POST', `/imports/${planned.id}/run`));
  const took = seconds(begin);
  rmSync(file);
  const { counts } = await call('GET', `/imports/${planned.id}`);
  if (counts.added !== count) throw new Error(`import: ${count} rows went in, counted: ${JSON.stringify(counts)}`);
  return { took, rate: count / took };
}

export async function importContacts() {
  // A tenth first: what it needs is what the whole must do with, however long the file is.
  await importPeople(9_000_000, Math.ceil(ROWS / 10));
  const small = peakMemory(process.env.BENCH_API_PID);
  const { took, rate } = await importPeople(10_000_000, ROWS);
  report('import', rate, 'rows/s', await copyRate());
  report('import_time', took, 's');
  report('import_memory', peakMemory(process.env.BENCH_API_PID), 'MB', small);
}

/** Rows a second of COPY into a copy of the table with all its indexes. */
async function copyRate() {
  const file = `${process.env.BENCH_WORK}/contact.copy`;
  // All but the generated column, which COPY refuses.
  const columns = await sql(
    "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'contact'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''",
  );
  await sql('CREATE TABLE bench_contact (LIKE contact INCLUDING ALL)', `\\copy (SELECT ${columns} FROM contact) TO '${file}'`);
  const begin = now();
  await sql(`\\copy bench_contact (${columns}) FROM '${file}'`);
  const took = seconds(begin);
  const rows = Number(await sql('SELECT count(*) FROM bench_contact'));
  await sql('DROP TABLE bench_contact');
  rmSync(file);
  return rows / took;
}
