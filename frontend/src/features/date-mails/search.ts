import { flag, type RawSearch, text } from "@/lib/search-params";

export interface DateMailSearch {
  /** Whether the form of a new one is open. */
  create?: true;
  /** The one that is edited. */
  edit?: string;
  /** The one whose days are looked at. */
  days?: string;
}

export function parseDateMails(raw: RawSearch): DateMailSearch {
  return { create: flag(raw, "create"), edit: text(raw, "edit"), days: text(raw, "days") };
}
