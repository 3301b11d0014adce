import { flag, oneOf, type RawSearch, text } from "@/lib/search-params";

const sorts = ["updated_at", "-updated_at", "name", "-name"] as const;

export interface MailSearch {
  q?: string;
  folder?: string;
  archived?: true;
  sort?: (typeof sorts)[number];
  cursor?: string;
  create?: true;
}

export function parseMailSearch(raw: RawSearch): MailSearch {
  return {
    q: text(raw, "q"),
    folder: text(raw, "folder"),
    archived: flag(raw, "archived"),
    sort: oneOf(raw, "sort", sorts),
    cursor: text(raw, "cursor"),
    create: flag(raw, "create"),
  };
}
