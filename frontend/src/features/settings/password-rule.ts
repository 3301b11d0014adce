import type { Translate } from "@/i18n";

/** Shortest password the server takes. Leaked ones it finds itself. */
export const minimumLength = 12;

export function passwordProblem(value: string, t: Translate): string | null {
  // Counted as the server counts: characters, not UTF-16 units.
  return [...value].length >= minimumLength ? null : t("password.too_short", { n: minimumLength });
}
