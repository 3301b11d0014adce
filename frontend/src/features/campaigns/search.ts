import type { CampaignState, DeliveryState } from "@/api/types";
import { deliveryStates } from "@/components/delivery/states";
import { oneOf, type RawSearch, text } from "@/lib/search-params";

export const campaignStates: readonly CampaignState[] = [
  "draft",
  "scheduled",
  "preparing",
  "sending",
  "paused",
  "stopped",
  "finished",
];

export interface CampaignListSearch {
  q?: string;
  state?: CampaignState;
  cursor?: string;
}

export function parseCampaignList(raw: RawSearch): CampaignListSearch {
  return { q: text(raw, "q"), state: oneOf(raw, "state", campaignStates), cursor: text(raw, "cursor") };
}

export interface CalendarSearch {
  /** A month unless it is told. */
  view?: "week";
  /** A day of the month or week; today unless it is told. */
  day?: string;
}

export function parseCalendar(raw: RawSearch): CalendarSearch {
  const day = text(raw, "day");
  const isDay = day !== undefined && /^\d{4}-\d\d-\d\d$/.test(day) && !Number.isNaN(Date.parse(`${day}T00:00:00Z`));
  return { view: oneOf(raw, "view", ["week"] as const), day: isDay ? day : undefined };
}

const steps = ["mail", "audience", "check", "send"] as const;
const tabs = ["report", "recipients", "left_out"] as const;
export type Step = (typeof steps)[number];
export type Tab = (typeof tabs)[number];

/** One campaign: the step of its wizard while it is a draft, afterwards the tab and the recipients' filter. */
export interface CampaignSearch {
  step?: Step;
  tab?: Tab;
  q?: string;
  state?: DeliveryState;
  reason?: string;
  cursor?: string;
}

export function parseCampaign(raw: RawSearch): CampaignSearch {
  return {
    step: oneOf(raw, "step", steps),
    tab: oneOf(raw, "tab", tabs),
    q: text(raw, "q"),
    state: oneOf(raw, "state", deliveryStates),
    reason: text(raw, "reason"),
    cursor: text(raw, "cursor"),
  };
}
