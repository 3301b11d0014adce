import "@mantine/dates/styles.layer.css";
import "dayjs/locale/ja";
import { Text } from "@mantine/core";
import { DatesProvider, DateTimePicker } from "@mantine/dates";
import { useState } from "react";
import { refresh } from "@/api/query";
import type { Campaign } from "@/api/types";
import { ConfirmDialog } from "@/components/ui/confirm";
import { notifyDone } from "@/components/ui/notify";
import { useLocale, useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { utcToWall, wallToUtc } from "@/lib/zone";
import { scheduleCampaign } from "./queries";

/** Moves a schedule; possible until the campaign begins. */
export function Reschedule({ campaign, onClose }: { campaign: Campaign; onClose: () => void }) {
  const t = useT();
  const locale = useLocale();
  const format = useFormat();
  const zone = campaign.time_zone;
  const before = campaign.scheduled_at ? utcToWall(campaign.scheduled_at, zone) : null;
  const [wall, setWall] = useState<string | null>(before);
  const at = wall ? wallToUtc(wall, zone) : null;
  const tooEarly = at !== null && Date.parse(at) <= Date.now();
  const confirm = async () => {
    if (at) {
      await scheduleCampaign(campaign.id, at, zone);
      await refresh("/v1/campaign-calendar");
      notifyDone(t("calendar.moved"));
    }
  };
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      title={t("calendar.move_title")}
      confirm={t("calendar.move")}
      disabled={at === null || tooEarly || wall === before}
      onConfirm={confirm}
    >
      <Text mb="sm">
        {campaign.name}
        {campaign.scheduled_at ? ` (${format.dateTime(campaign.scheduled_at)})` : ""}
      </Text>
      <DatesProvider settings={{ locale, firstDayOfWeek: locale === "ja" ? 0 : 1 }}>
        <DateTimePicker
          label={t("send.at")}
          description={t("send.zone", { zone: format.zone(zone) })}
          valueFormat={locale === "ja" ? "YYYY年M月D日 HH:mm" : "D MMM YYYY HH:mm"}
          minDate={utcToWall(new Date().toISOString(), zone).slice(0, 10)}
          value={wall}
          onChange={setWall}
          error={tooEarly ? t("send.too_early") : undefined}
        />
      </DatesProvider>
      <Text size="sm" c="dimmed" mt="sm">
        {t("calendar.move_help")}
      </Text>
    </ConfirmDialog>
  );
}
