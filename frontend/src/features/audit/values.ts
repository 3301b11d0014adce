import { permissionLabel } from "@/components/access/support-permission";
import { translate, translateCode, translateCodeOr } from "@/i18n";
import type { Format } from "@/i18n/format";

/** Words of a subject's states, where they have their own. */
const states: Record<string, readonly [prefix: string, beginning: string]> = {
  campaign: ["campaign_state", ""],
  sequence: ["sequences", "state_"],
  date_mail: ["date_mails", "state_"],
  delivery: ["delivery_state", ""],
  import: ["import_state", ""],
  contact: ["contact_status", ""],
};

/** Words of values that are codes, by the name of the field. */
const codes: Record<string, readonly [prefix: string, beginning: string]> = {
  reason: ["reason", ""],
  type: ["field_type", ""],
  mode: ["import_mode", ""],
  colour: ["colour", ""],
  repeat: ["date_mails", ""],
  unit: ["sequences", "unit_"],
  reaction: ["sequences", "reaction_"],
  entry: ["sequences", "entry_"],
  role: ["role", ""],
  security: ["route_security", ""],
  events: ["webhook_topic", ""],
  action: ["audit_action", ""],
  subject_kind: ["audit_subject", ""],
};

const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d/;

/** `steps.0.delay` → "ステップ › 1番目 › 間隔"; a name without words stands as it is. */
export function fieldText(path: string): string {
  return path
    .split(".")
    .map((part) =>
      /^\d+$/.test(part) ? translate("audit.nth", { n: Number(part) + 1 }) : translateCode("audit_field", part),
    )
    .join(" › ");
}

interface About {
  /** What the entry is about: `campaign`. */
  kind: string;
  format: Pick<Format, "dateTime" | "number">;
  /** Names of lists, as far as they are known. */
  lists: ReadonlyMap<string, string>;
}

/** A stored value in words. */
export function valueText(path: string, value: unknown, about: About): string {
  if (value === null || value === "" || (typeof value === "object" && Object.keys(value).length === 0)) {
    return translate("audit_value.empty");
  }
  if (Array.isArray(value)) {
    return value.map((item) => valueText(path, item, about)).join(translate("common.list_separator"));
  }
  if (typeof value === "number") {
    return /(^|\.)(port|version)$/.test(path) ? String(value) : about.format.number(value);
  }
  if (typeof value === "boolean") {
    return translateCode("audit_value", String(value));
  }
  return typeof value === "string" ? textOf(path, value, about) : JSON.stringify(value);
}

function textOf(path: string, text: string, { kind, format, lists }: About): string {
  const name = path.split(".").findLast((part) => !/^\d+$/.test(part)) ?? path;
  if (instant.test(text) && !Number.isNaN(Date.parse(text))) {
    return format.dateTime(text);
  }
  if (name === "permissions" || name === "scopes") {
    return translateCodeOr("permission", text, permissionLabel(text));
  }
  const [prefix, beginning] = (name === "state" || name === "status" ? states[kind] : codes[name]) ?? [
    "audit_value",
    "",
  ];
  const known = lists.get(text) ?? translateCodeOr(prefix, `${beginning}${text}`, "");
  // A name or an address that happens to be such a word is no code.
  const isFree = ["name", "subject", "text", "html", "value", "label", "description", "key"].includes(name);
  return isFree ? text : known || translateCode("audit_value", text);
}

/** What a list was narrowed by (`q=髙橋&status=active`) in words: "検索語: 髙橋、状態: 有効". */
export function queryText(query: string, kind: string, about: Omit<About, "kind">): string {
  return query
    .split("&")
    .map((part) => {
      const at = part.indexOf("=");
      const [name, value] = at < 0 ? [part, ""] : [part.slice(0, at), part.slice(at + 1)];
      return `${fieldText(name)}: ${valueText(name, value, { ...about, kind })}`;
    })
    .join(translate("common.list_separator"));
}
