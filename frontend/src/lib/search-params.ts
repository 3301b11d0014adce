/**
 * Reading of URL search parameters: what can't be understood is as if it weren't there. A parser names every
 * parameter of its page, undefined ones too: the router would hand on the raw value of one that it leaves out.
 */
export type RawSearch = Record<string, unknown>;

export function text(raw: RawSearch, name: string): string | undefined {
  const value = raw[name];
  // The router reads "123" in a URL as a number.
  const word = typeof value === "number" || typeof value === "boolean" ? String(value) : value;
  return typeof word === "string" && word !== "" ? word : undefined;
}

export function oneOf<T extends string>(raw: RawSearch, name: string, allowed: readonly T[]): T | undefined {
  const value = text(raw, name);
  return allowed.find((item) => item === value);
}

export function flag(raw: RawSearch, name: string): true | undefined {
  return raw[name] === true || raw[name] === "true" || raw[name] === 1 ? true : undefined;
}

/** A list written with commas, short enough to read in a link. */
export function words(raw: RawSearch, name: string): string[] | undefined {
  const items = text(raw, name)?.split(",").filter(Boolean);
  return items && items.length > 0 ? items : undefined;
}

/** Leaves out what is undefined, so that a link holds only what differs from the default. */
export function compact<T extends Record<string, unknown>>(search: T): T {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined)) as T;
}

export interface PageSearch {
  cursor?: string;
}

export interface SearchPageSearch extends PageSearch {
  q?: string;
}

export function parsePage(raw: RawSearch): PageSearch {
  return { cursor: text(raw, "cursor") };
}

export function parseSearchPage(raw: RawSearch): SearchPageSearch {
  return { q: text(raw, "q"), cursor: text(raw, "cursor") };
}
