import { api } from "@/api/client";
import type { DateMail } from "@/api/types";
import { useT } from "@/i18n";

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
