import { api } from "@/api/client";
import type { Sequence, SequenceState, SequenceStep } from "@/api/types";
import { useLists } from "@/components/pickers/lists";
import type { Tone } from "@/components/ui/status";
import { useT } from "@/i18n";

export const stateTones: Record<SequenceState, Tone> = {
  draft: "idle",
  active: "good",
  paused: "warn",
  finished: "info",
  stopped: "idle",
};

type Delay = Pick<SequenceStep, "delay" | "unit" | "at">;

/** When a step goes out: "3 days later, at 09:00"; of the first step counted from the start. */
export function useDelayText(): (delay: Delay, isFirst: boolean) => string {
  const t = useT();
  return ({ delay, unit, at }, isFirst) => {
    if (delay === 0) {
      if (at) {
        return t("sequences.same_day_at", { time: at });
      }
      return t(isFirst ? "sequences.at_once_start" : "sequences.at_once");
    }
    const after = t(`sequences.${unit}_later`, { count: delay });
    const when = at ? t("sequences.later_at", { after, time: at }) : after;
    return t(isFirst ? "sequences.from_start" : "sequences.from_before", { when });
  };
}

/** Who comes in without being put in, in one sentence. */
export function useEntryText(entries: readonly Sequence["entry"][]): (entry: Sequence["entry"]) => string {
  const t = useT();
  const lists = useLists({ needed: entries.flatMap((entry) => entry.list_id ?? []) });
  const fields = api.useQuery("get", "/v1/contact-fields");
  return (entry) => {
    if (entry.kind === "list") {
      const name = lists.known.get(entry.list_id ?? "");
      if (!name && !lists.isComplete) {
        return "";
      }
      return name ? t("sequences.entry_says_list", { list: name }) : t("sequences.entry_says_no_list");
    }
    if (entry.kind === "date") {
      const field = fields.data?.items.find((item) => item.key === entry.field)?.label ?? entry.field ?? "";
      const days = entry.offset_days ?? 0;
      const side = days === 0 ? "on" : days < 0 ? "before" : "after";
      return t(`sequences.entry_says_${side}`, { field, days: Math.abs(days) });
    }
    return t("sequences.entry_says_manual");
  };
}
