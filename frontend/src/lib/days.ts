/** Days as the API writes them ("2026-12-01"): the same in every zone. Arithmetic on them knows no clock. */
import { utcToWall, wallToUtc } from "./zone";

export type Day = string;

const dayLength = 86_400_000;
const toTime = (day: Day) => Date.parse(`${day}T00:00:00Z`);
const toDay = (time: number): Day => new Date(time).toISOString().slice(0, 10);

export const addDays = (day: Day, days: number): Day => toDay(toTime(day) + days * dayLength);

/** 0 is Sunday. */
export const weekday = (day: Day): number => new Date(toTime(day)).getUTCDay();

export const firstOfMonth = (day: Day): Day => `${day.slice(0, 7)}-01`;

export function addMonths(day: Day, months: number): Day {
  const date = new Date(toTime(firstOfMonth(day)));
  date.setUTCMonth(date.getUTCMonth() + months);
  return toDay(date.getTime());
}

/** The day on which an instant falls in a zone. */
export const dayOf = (iso: string, timeZone: string): Day => utcToWall(iso, timeZone).slice(0, 10);

/** When a day begins in a zone. */
export const beginOf = (day: Day, timeZone: string): string => wallToUtc(`${day}T00:00`, timeZone);

export function weekOf(day: Day, firstWeekday: number): Day[] {
  const begin = addDays(day, -((weekday(day) - firstWeekday + 7) % 7));
  return Array.from({ length: 7 }, (_, index) => addDays(begin, index));
}

/** Whole weeks that show a month. */
export function monthOf(day: Day, firstWeekday: number): Day[] {
  const first = firstOfMonth(day);
  const last = addDays(addMonths(first, 1), -1);
  const begin = weekOf(first, firstWeekday)[0] ?? first;
  const end = weekOf(last, firstWeekday)[6] ?? last;
  const days = Math.round((toTime(end) - toTime(begin)) / dayLength) + 1;
  return Array.from({ length: days }, (_, index) => addDays(begin, index));
}
