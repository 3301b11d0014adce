import type { TemplateSummary } from "@/api/types";
import type { Locale } from "@/i18n";

/** The tenant's own templates, and the supplied ones in the person's language: the same ones exist in each. */
export function offeredTemplates(items: readonly TemplateSummary[], locale: Locale): TemplateSummary[] {
  return items.filter((item) => !item.supplied || item.locale === locale);
}
