import { translateCode } from "@/i18n";

/** Carriers and providers that the server knows by name (crates/domain/src/limit/site.rs, exchange.rs), in its order. */
export const knownSites = [
  "docomo",
  "au",
  "softbank",
  "ymobile",
  "rakuten",
  "yahoo_japan",
  "gmail",
  "microsoft",
  "icloud",
  "yahoo",
  "nifty",
  "biglobe",
  "ocn",
  "so_net",
  "plala",
  "eo",
  "dti",
  "asahi_net",
  "jcom",
  "line_works",
  "zoho",
  "pepabo",
  "onamae",
  "sakura",
  "xserver",
  "kagoya",
  "iij",
  "trend_micro",
  "proofpoint",
  "mimecast",
  "cisco",
  "messagelabs",
  "barracuda",
] as const;

/** A receiving site as people call it: a known one's name, else its domain. */
export function siteName(site: string): string {
  return translateCode("site", site);
}
