import i18next from "i18next";
import { useSyncExternalStore } from "react";
import type { ja } from "./ja";
import type { late } from "./ja/late";

export type Locale = "ja" | "en";
export const locales: readonly Locale[] = ["ja", "en"];

/** A message key, without the plural endings that only i18next sees. */
export type Key = keyof (typeof ja & typeof late) extends infer K
  ? K extends `${infer Base}_other`
    ? Base
    : K
  : never;
export type Params = Record<string, string | number>;
export type Translate = (key: Key, params?: Params) => string;

const storageKey = "kikubari.locale";

const catalogues: Record<Locale, () => Promise<Record<string, string>>> = {
  ja: async () => (await import("./ja")).ja,
  en: async () => (await import("./en")).en,
};

/** Words of screens that are opened seldom: a chunk of its own, loaded by the routes that need it. */
const lateCatalogues: Record<Locale, () => Promise<Record<string, string>>> = {
  ja: async () => (await import("./ja/late")).late,
  en: async () => (await import("./en/late")).late,
};
let lateWanted = false;

/** For a route's `loader`: its screen's words are there before it is. */
export async function loadLateWords(): Promise<void> {
  lateWanted = true;
  await addLateWords(currentLocale());
}

async function addLateWords(locale: Locale): Promise<void> {
  i18next.addResourceBundle(locale, "translation", await lateCatalogues[locale](), true, true);
}

/** Language of the pages before log-in: what was last chosen on this machine, otherwise Japanese. */
export function rememberedLocale(): Locale {
  try {
    return localStorage.getItem(storageKey) === "en" ? "en" : "ja";
  } catch {
    return "ja";
  }
}

const listeners = new Set<() => void>();

/** Loads the catalogue of a language (each its own chunk) and switches every mounted screen to it. */
export async function setLocale(locale: Locale): Promise<void> {
  const messages = await catalogues[locale]();
  if (!i18next.isInitialized) {
    await i18next.init({
      lng: locale,
      fallbackLng: false,
      keySeparator: false,
      nsSeparator: false,
      interpolation: { escapeValue: false },
      showSupportNotice: false,
    } as Parameters<typeof i18next.init>[0]);
  }
  i18next.addResourceBundle(locale, "translation", messages, true, true);
  if (lateWanted) {
    await addLateWords(locale);
  }
  if (i18next.language !== locale) {
    await i18next.changeLanguage(locale);
  }
  document.documentElement.lang = locale;
  try {
    localStorage.setItem(storageKey, locale);
  } catch {
    // A browser without storage only forgets the choice.
  }
  for (const listener of listeners) {
    listener();
  }
}

export function currentLocale(): Locale {
  return i18next.language === "en" ? "en" : "ja";
}

export const translate: Translate = (key, params) => i18next.t(key as string, numbersAsText(params));

/** Numbers are written as the language writes them ("9,412"); the plural is still chosen by the number itself. */
function numbersAsText(params?: Params): Record<string, unknown> | undefined {
  if (!params) {
    return undefined;
  }
  const format = new Intl.NumberFormat(currentLocale());
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(params)) {
    if (name === "count" && typeof value === "number") {
      result.count = value;
      result.n = format.format(value);
    } else {
      result[name] = typeof value === "number" ? format.format(value) : value;
    }
  }
  return result;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useLocale(): Locale {
  return useSyncExternalStore(subscribe, currentLocale);
}

/** The translate function; the component renders again when the language changes. */
export function useT(): Translate {
  useLocale();
  return translate;
}

/** Translates a code from the API ("bounced", "not_found") under a prefix; an unknown code is shown as it came. */
export function translateCode(prefix: string, code: string): string {
  const key = `${prefix}.${code}`;
  return i18next.exists(key) ? i18next.t(key) : code;
}

/** Like `translateCode`, with a text of the server's for codes that have no message here. */
export function translateCodeOr(prefix: string, code: string, fallback: string, params?: Params): string {
  const key = `${prefix}.${code}`;
  return i18next.exists(key) ? i18next.t(key, numbersAsText(params)) : fallback;
}
