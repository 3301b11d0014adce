import type { ContactStatus } from "@/api/types";
import { flag, oneOf, type RawSearch, text, words } from "@/lib/search-params";
import { wallToUtc } from "@/lib/zone";

export const statuses: readonly ContactStatus[] = ["active", "unsubscribed", "bounced", "complained", "disabled"];
const sorts = ["created_at", "-created_at", "email", "-email", "name", "-name"] as const;

/** The state of the contact table, all of it in the URL. */
export interface ContactSearch {
  q?: string;
  status?: ContactStatus;
  list?: string;
  /** Days in the tenant's zone, both included. */
  from?: string;
  to?: string;
  sort?: (typeof sorts)[number];
  cursor?: string;
  cols?: string[];
  create?: true;
}

const day = (raw: RawSearch, name: string) => {
  const value = text(raw, name);
  return value && /^\d{4}-\d{2}-\d{2}$/.test(value) ? value : undefined;
};

export function parseContactSearch(raw: RawSearch): ContactSearch {
  const columns = Array.isArray(raw.cols) ? raw.cols.filter((item) => typeof item === "string") : words(raw, "cols");
  return {
    q: text(raw, "q"),
    status: oneOf(raw, "status", statuses),
    list: text(raw, "list"),
    from: day(raw, "from"),
    to: day(raw, "to"),
    sort: oneOf(raw, "sort", sorts),
    cursor: text(raw, "cursor"),
    cols: columns,
    create: flag(raw, "create"),
  };
}

/** URL state → query of the API. The last day counts to its end. */
export function contactQuery(search: ContactSearch, timeZone: string) {
  const nextDay = (date: string) => new Date(Date.parse(`${date}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
  return {
    q: search.q,
    status: search.status,
    list_id: search.list,
    created_from: search.from ? wallToUtc(`${search.from}T00:00`, timeZone) : undefined,
    created_to: search.to ? wallToUtc(`${nextDay(search.to)}T00:00`, timeZone) : undefined,
    sort: search.sort ?? ("-created_at" as const),
    cursor: search.cursor,
    limit: 50,
  };
}

export function isFiltered(search: ContactSearch): boolean {
  return Boolean(search.q || search.status || search.list || search.from || search.to);
}
