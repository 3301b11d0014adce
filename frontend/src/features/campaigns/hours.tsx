import { Select, Stack } from "@mantine/core";
import { useState } from "react";
import { api } from "@/api/client";
import type { Campaign } from "@/api/types";
import { HoursFields, type Span, spanProblem, usualHours } from "@/components/form/hours-fields";
import { notifyProblem } from "@/components/ui/notify";
import { useT } from "@/i18n";
import { updateCampaign } from "./queries";

type Mode = Campaign["hours"]["mode"];

/** In which hours of the day this campaign goes out; saved as soon as it makes sense. */
export function HoursChoice({ campaign, disabled }: { campaign: Campaign; disabled: boolean }) {
  const t = useT();
  const tenant = api.useQuery("get", "/v1/tenant");
  const [mode, setMode] = useState<Mode>(campaign.hours.mode);
  const [span, setSpan] = useState<Span>(campaign.hours.own ?? usualHours);
  const tenants = tenant.data?.sending_hours;
  const ofTenant = tenant.isPending
    ? t("hours.tenant")
    : tenants
      ? t("hours.tenant_span", { from: tenants.from, until: tenants.until })
      : t("hours.tenant_none");
  const save = (next: Mode) => {
    setMode(next);
    const before = campaign.hours.own;
    const same = next === campaign.hours.mode && before?.from === span.from && before?.until === span.until;
    if (next === "own" && (same || spanProblem(span))) {
      return;
    }
    void updateCampaign(campaign, { hours: { mode: next, own: next === "own" ? span : null } }).catch(notifyProblem);
  };
  return (
    <Stack gap="xs">
      <Select
        label={t("hours.label")}
        description={t("hours.help")}
        disabled={disabled}
        allowDeselect={false}
        maw={420}
        data={[
          { value: "tenant", label: ofTenant },
          { value: "any", label: t("hours.any") },
          { value: "own", label: t("hours.own") },
        ]}
        value={mode}
        onChange={(next) => next && save(next as Mode)}
      />
      {mode === "own" ? (
        <HoursFields
          span={span}
          zone={campaign.time_zone}
          readOnly={disabled}
          onChange={setSpan}
          onDone={() => save("own")}
        />
      ) : null}
    </Stack>
  );
}
