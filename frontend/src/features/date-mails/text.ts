import { api } from "@/api/client";
import type { DateMail } from "@/api/types";
import { translate, translateCode, useT } from "@/i18n";

type Rule = Pick<DateMail, "field" | "offset_days" | "repeat" | "send_at">;

/** A rule in one sentence: "3 days before 誕生日, each year, at 09:00". */
export function useDayText(): (rule: Rule) => string {
  const t = useT();
  const fields = api.useQuery("get", "/v1/contact-fields");
  return (rule) => {
    const field = fields.data?.items.find((item) => item.key === rule.field)?.label ?? rule.field;
    const days = Math.abs(rule.offset_days);
    const side = rule.offset_days === 0 ? "on" : rule.offset_days < 0 ? "before" : "after";
    return t(`date_mails.says_${rule.repeat}_${side}`, { field, days, time: rule.send_at });
  };
}

/** Why days were kept back: a code, and checks or days after it. One that this client doesn't know is shown as it is. */
export function reasonText(reason: string, date: (day: string) => string): string {
  const [code, rest = ""] = reason.split(": ");
  if (code === "not_ready") {
    const checks = rest.split(", ").map((check) => translateCode("check", check));
    return translate("date_mails.not_ready", { checks: checks.join(translate("common.list_separator")) });
  }
  if (code === "missed") {
    const [first = "", last = ""] = rest.split(" ");
    return translate(first === last ? "date_mails.missed_day" : "date_mails.missed_days", {
      first: date(first),
      last: date(last),
    });
  }
  return reason === "restored" ? translate("date_mails.restored") : reason;
}
