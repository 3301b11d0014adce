// Packs a list of passwords (one a line) into the file that the program looks
// leaked ones up in: node leaked-passwords.mjs LIST OUT
//
// Of each entry, in lower case (ASCII), the first 32 bits of its SHA-256 are
// kept, sorted and without doubles. The first 16 choose a bucket, so that only
// the others need room:
//   8 bytes "KBLEAK01", 4 bytes number of entries (big endian),
//   65,536 bytes: entries of each bucket, then 2 bytes an entry (big endian).
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";

const [list, out] = process.argv.slice(2);
const bytes = readFileSync(list);
for (let i = 0; i < bytes.length; i += 1) {
  if (bytes[i] >= 0x41 && bytes[i] <= 0x5a) bytes[i] += 0x20;
}
const seen = new Set();
let start = 0;
for (let i = 0; i <= bytes.length; i += 1) {
  if (i < bytes.length && bytes[i] !== 0x0a) continue;
  const line = bytes.subarray(start, bytes[i - 1] === 0x0d ? i - 1 : i);
  if (line.length > 0) seen.add(createHash("sha256").update(line).digest().readUInt32BE(0));
  start = i + 1;
}
const keys = Uint32Array.from(seen).sort();
const counts = Buffer.alloc(65_536);
const rest = Buffer.alloc(keys.length * 2);
keys.forEach((key, i) => {
  if (counts[key >>> 16] === 255) throw new Error("a bucket is full");
  counts[key >>> 16] += 1;
  rest.writeUInt16BE(key & 0xffff, i * 2);
});
const head = Buffer.from("KBLEAK01\0\0\0\0");
head.writeUInt32BE(keys.length, 8);
writeFileSync(out, Buffer.concat([head, counts, rest]));
