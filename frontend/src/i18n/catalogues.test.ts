import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { en as enFirst } from "./en";
import { late as enLate } from "./en/late";
import { ja as jaFirst } from "./ja";
import { late as jaLate } from "./ja/late";

const ja = { ...jaFirst, ...jaLate };
const en = { ...enFirst, ...enLate };

const src = path.resolve(import.meta.dirname, "..");
const base = (key: string) => key.replace(/_(one|other)$/, "");
const jaKeys = new Set(Object.keys(ja).map(base));
const enKeys = new Set(Object.keys(en).map(base));

const sources = readdirSync(src, { recursive: true, encoding: "utf8" })
  .filter((file) => /\.tsx?$/.test(file) && !/^i18n[\\/](ja|en)[\\/]|\.test\.tsx?$|\.gen\./.test(file))
  .map((file) => readFileSync(path.join(src, file), "utf8"));
const literals = new Set<string>();
/** Beginnings of keys that are put together at run time: t(`role.${…}`), translateCode("reason", …). */
const prefixes = new Set<string>();
for (const source of sources) {
  for (const [, key] of source.matchAll(/["'`]([a-z][a-z0-9_]*\.[a-z0-9_.-]+)["'`]/g)) {
    literals.add(key as string);
  }
  for (const [, prefix] of source.matchAll(/`([a-z][a-z0-9_.]*[._])\$\{/g)) {
    prefixes.add(prefix as string);
  }
  for (const [, prefix] of source.matchAll(/translateCode(?:Or)?\(\s*"([a-z_]+)"/g)) {
    prefixes.add(`${prefix}.`);
  }
}

const placeholders = (message: string) => new Set([...message.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1]));

describe("the catalogues", () => {
  it("say nothing twice", () => {
    expect(Object.keys(jaLate).filter((key) => key in jaFirst)).toEqual([]);
    expect(Object.keys(enLate).filter((key) => key in enFirst)).toEqual([]);
  });

  it("have the same keys", () => {
    expect([...jaKeys].filter((key) => !enKeys.has(key))).toEqual([]);
    expect([...enKeys].filter((key) => !jaKeys.has(key))).toEqual([]);
  });

  it("have both forms in English wherever there is a plural", () => {
    const plural = Object.keys(ja).filter((key) => key.endsWith("_other"));
    const missing = plural.filter((key) => !(key in en) || !(key.replace(/_other$/, "_one") in en));
    expect(missing).toEqual([]);
  });

  it("hold no key that nothing uses", () => {
    const unused = [...jaKeys].filter(
      (key) => !literals.has(key) && ![...prefixes].some((prefix) => key.startsWith(prefix)),
    );
    expect(unused).toEqual([]);
  });

  it("name the same values in both languages", () => {
    const messages = en as Record<string, string>;
    const different = Object.entries(ja).filter(([key, message]) => {
      const other = messages[key];
      return other !== undefined && [...placeholders(message)].join() !== [...placeholders(other)].join()
        ? [...placeholders(message)].sort().join() !== [...placeholders(other)].sort().join()
        : false;
    });
    expect(different.map(([key]) => key)).toEqual([]);
  });

  it("have no empty message, and Japanese in the Japanese one", () => {
    expect(Object.entries({ ...en, ...ja }).filter(([, message]) => message.trim() === "")).toEqual([]);
    // Names that are the same in both languages.
    const neutral =
      /^(UTF-8|UTF-16 [LB]E|Shift_JIS|EUC-JP|STARTTLS|TLS|API|URL|PC|HTML|au|Gmail|Outlook \/ Hotmail|iCloud|Yahoo\.com \/ AOL|@nifty|BIGLOBE|OCN|So-net|DTI|J:COM|（?\{\{.*)$/;
    const foreign = Object.entries(ja).filter(([, message]) => !/[぀-ヿ一-鿿]/.test(message) && !neutral.test(message));
    expect(foreign.map(([key]) => key)).toEqual([]);
  });
});
