import { Button, Group, Text } from "@mantine/core";
import { IconRefresh } from "@tabler/icons-react";
import { useState } from "react";
import { api, inBackground } from "@/api/client";
import type { Campaign, ResendGroup } from "@/api/types";
import { Panel } from "@/components/layout/page";
import { ConfirmDialog } from "@/components/ui/confirm";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";
import { resendCampaign } from "./queries";

const groups = ["unknown", "failed"] as const;

/** Of a finished campaign: once more to those in doubt, or to those who failed. Asks with the exact number. */
export default function Resend({ campaign }: { campaign: Campaign }) {
  const t = useT();
  const [asking, setAsking] = useState<ResendGroup | null>(null);
  const query = api.useQuery(
    "get",
    "/v1/campaigns/{id}/resend",
    { params: { path: { id: campaign.id } }, ...inBackground },
    { staleTime: 0 },
  );
  const again = query.data;
  const offered = groups.filter((group) => (again?.[group] ?? 0) > 0);
  if (!again || offered.length === 0) {
    return null;
  }
  const send = async (group: ResendGroup) => {
    try {
      await resendCampaign(campaign.id, group, again[group]);
      notifyDone(t("resend.done", { count: again[group] }));
    } catch (error) {
      // The number that is asked next has to be the one that is true now.
      void query.refetch();
      throw error;
    }
  };
  return (
    <Panel title={t("resend.title")}>
      <Text size="sm" c="dimmed" mb="sm">
        {t("resend.help")}
      </Text>
      <Group gap="sm">
        {offered.map((group) => (
          <Button
            key={group}
            variant="default"
            leftSection={<IconRefresh size={16} />}
            onClick={() => setAsking(group)}
          >
            {t(`resend.${group}`, { count: again[group] })}
          </Button>
        ))}
      </Group>
      <ConfirmDialog
        opened={asking !== null}
        onClose={() => setAsking(null)}
        title={t("resend.title")}
        confirm={t("resend.confirm", { count: asking ? again[asking] : 0 })}
        onConfirm={() => (asking ? send(asking) : Promise.resolve())}
      >
        {asking ? <Text>{t(`resend.${asking}_body`, { count: again[asking] })}</Text> : null}
      </ConfirmDialog>
    </Panel>
  );
}
