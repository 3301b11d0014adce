import type { Preflight } from "@/api/types";
import { translate, translateCode, translateCodeOr } from "@/i18n";

export type Check = Preflight["checks"][number];

const legalItems = ["legal_sender_name", "legal_postal_address", "legal_contact"];

/** "text, html" → the parts of a mail as the editor names them. */
const parts = (detail: string) =>
  detail
    .split(", ")
    .map((part) => translateCode("check_part", part))
    .join(translate("common.list_separator"));

/** Labels are by the token that the editor puts in ("{{ city }}"). What is wrong and how to mend it, in one sentence. A code this client doesn't know shows the server's detail. */
export function checkHelp(check: Check, labels: ReadonlyMap<string, string>): string {
  const { variant, ...own } = ofVariant(check);
  const help = helpOf(own, labels);
  return variant ? `${translate("ab.variant", { letter: variant })}: ${help}` : help;
}

/** "B: settings": what is wrong with one variant of an A/B test begins with its letter. */
function ofVariant(check: Check): Check & { variant?: string } {
  const found = /^([A-E]): ?(.*)$/s.exec(check.detail);
  return found ? { ...check, detail: found[2] ?? "", variant: found[1] } : check;
}

function helpOf(check: Check, labels: ReadonlyMap<string, string>): string {
  const { code, detail } = check;
  const count = check.count ?? 0;
  if (legalItems.includes(code)) {
    return detail === "settings"
      ? translate("check_help.legal_settings")
      : translate("check_help.legal_missing", { detail: parts(detail) });
  }
  switch (code) {
    case "legal_refusal_text":
    case "legal_refusal_link":
      return translate(`check_help.${code}`, { detail: parts(detail) });
    case "empty_values":
      return translate("check_help.empty_values", { count, detail: labels.get(`{{ ${detail} }}`) ?? detail });
    case "alt_text":
      return translate("check_help.alt_text", { count });
    default:
      return translateCodeOr("check_help", code, detail, { detail });
  }
}

/** Where it is mended. */
export function checkPlace(check: Check): "organisation" | "routes" | "domains" | "mail" | null {
  const { code, detail } = ofVariant(check);
  if (legalItems.includes(code)) {
    return detail === "settings" ? "organisation" : "mail";
  }
  switch (code) {
    case "route":
      return "routes";
    case "sender_domain":
    case "dkim_key":
    case "dkim_record":
      return "domains";
    case "people":
    case "ab_test":
    case "mail":
      return null;
    default:
      return "mail";
  }
}
