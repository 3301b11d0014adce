import { addDays, beginOf } from "@/lib/days";
import { oneOf, type RawSearch, text } from "@/lib/search-params";

export const views = ["actions", "looks"] as const;
export type View = (typeof views)[number];

export interface AuditSearch {
  view?: View;
  /** Days, both included. */
  from?: string;
  to?: string;
  actor?: string;
  action?: string;
  kind?: string;
  q?: string;
  /** The entry that is looked at. */
  open?: string;
  cursor?: string;
}

const day = (raw: RawSearch, name: string) => {
  const value = text(raw, name);
  return value && /^\d{4}-\d{2}-\d{2}$/.test(value) && !Number.isNaN(Date.parse(value)) ? value : undefined;
};

export function parseAudit(raw: RawSearch): AuditSearch {
  return {
    view: oneOf(raw, "view", views),
    from: day(raw, "from"),
    to: day(raw, "to"),
    actor: text(raw, "actor"),
    action: text(raw, "action"),
    kind: text(raw, "kind"),
    q: text(raw, "q"),
    open: text(raw, "open"),
    cursor: text(raw, "cursor"),
  };
}

/** Days of the tenant's zone as instants; the last day is in it. */
export function period(search: AuditSearch, timeZone: string): { from?: string; to?: string } {
  return {
    from: search.from ? beginOf(search.from, timeZone) : undefined,
    to: search.to ? beginOf(addDays(search.to, 1), timeZone) : undefined,
  };
}

/** What narrows the list, as the API asks for it. */
export function auditQuery(search: AuditSearch, timeZone: string) {
  return {
    ...period(search, timeZone),
    actor_id: search.actor,
    action: search.action,
    subject_kind: search.kind,
    q: search.q,
  };
}

/** The address of the file with the same entries. */
export function exportPath(search: AuditSearch, timeZone: string, format: "csv" | "jsonl"): string {
  const query = new URLSearchParams({ format });
  for (const [name, value] of Object.entries(auditQuery(search, timeZone))) {
    if (value !== undefined) {
      query.set(name, value);
    }
  }
  return `/v1/audit-export?${query}`;
}
