import { useMemo } from "react";
import { useSession } from "@/auth/session";
import { type Locale, useLocale } from "./index";

export interface Format {
  number: (value: number) => string;
  /** 0.1234 → "12.3%" */
  percent: (ratio: number) => string;
  bytes: (value: number) => string;
  date: (iso: string) => string;
  /** A calendar day ("2026-12-01"), which is the same in every zone. */
  day: (day: string) => string;
  dateTime: (iso: string) => string;
  time: (iso: string) => string;
  /** "3 minutes ago", for what just happened; older than a week: the date. */
  ago: (iso: string) => string;
  timeZone: string;
  /** What people call a zone: "Asia/Tokyo" → "日本標準時". */
  zone: (timeZone: string) => string;
}

const units: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

/** The zone's own identifier where the browser has no name for it. */
function zoneName(tag: string, timeZone: string): string {
  const parts = new Intl.DateTimeFormat(tag, { timeZone, timeZoneName: "longGeneric" }).formatToParts(0);
  const name = parts.find(({ type }) => type === "timeZoneName")?.value;
  return name && !name.startsWith("GMT") ? name : timeZone;
}

export function createFormat(locale: Locale, timeZone: string): Format {
  const tag = locale === "ja" ? "ja-JP" : "en-GB";
  const number = new Intl.NumberFormat(tag);
  const percent = new Intl.NumberFormat(tag, { style: "percent", maximumFractionDigits: 1 });
  const date = new Intl.DateTimeFormat(tag, { timeZone, year: "numeric", month: "2-digit", day: "2-digit" });
  const plainDay = new Intl.DateTimeFormat(tag, { timeZone: "UTC", year: "numeric", month: "2-digit", day: "2-digit" });
  const dateTime = new Intl.DateTimeFormat(tag, {
    timeZone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
  });
  const time = new Intl.DateTimeFormat(tag, { timeZone, hour: "2-digit", minute: "2-digit" });
  const relative = new Intl.RelativeTimeFormat(tag, { numeric: "auto" });
  return {
    timeZone,
    zone: (zone) => zoneName(tag, zone),
    number: (value) => number.format(value),
    percent: (ratio) => percent.format(ratio),
    bytes: (value) => {
      if (value < 1024) {
        return `${number.format(value)} B`;
      }
      const step = value < 1024 * 1024 ? 1 : 2;
      const shown = value / 1024 ** step;
      return `${new Intl.NumberFormat(tag, { maximumFractionDigits: 1 }).format(shown)} ${step === 1 ? "kB" : "MB"}`;
    },
    date: (iso) => date.format(new Date(iso)),
    day: (day) => plainDay.format(new Date(`${day}T00:00:00Z`)),
    dateTime: (iso) => dateTime.format(new Date(iso)),
    time: (iso) => time.format(new Date(iso)),
    ago: (iso) => {
      const seconds = (new Date(iso).getTime() - Date.now()) / 1000;
      if (Math.abs(seconds) > 7 * 86_400) {
        return date.format(new Date(iso));
      }
      const [unit, length] = units.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
      return relative.format(Math.round(seconds / length), unit);
    },
  };
}

/** Formatters in the person's language and the tenant's time zone. */
export function useFormat(): Format {
  const locale = useLocale();
  const session = useSession();
  const timeZone = session.status === "signed_in" ? session.me.tenant.time_zone : "Asia/Tokyo";
  return useMemo(() => createFormat(locale, timeZone), [locale, timeZone]);
}
