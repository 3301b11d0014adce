import { translateCodeOr } from "@/i18n";

/** Builtin roles in the language of the page, own ones as the company calls them. */
export function roleName(key: string, name: string): string {
  return translateCodeOr("role", key, name);
}
