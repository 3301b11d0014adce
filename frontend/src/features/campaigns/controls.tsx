import { Button, Text } from "@mantine/core";
import { IconPlayerPause, IconPlayerPlay, IconPlayerStop } from "@tabler/icons-react";
import { lazy, Suspense, useState } from "react";
import type { Campaign } from "@/api/types";
import { useCan } from "@/auth/guard";
import { settled } from "@/components/campaign/numbers";
import { ConfirmDialog } from "@/components/ui/confirm";
import { LinkButton } from "@/components/ui/link-button";
import { notifyDone, notifyProblem } from "@/components/ui/notify";
import { useT } from "@/i18n";
import { isRunning, pauseCampaign, resumeCampaign, stopCampaign, unscheduleCampaign } from "./queries";

const PurgeDialog = lazy(() => import("@/components/delivery/purge-dialog"));

/** Pause is one click (it can be undone); stop and taking back a schedule ask first. */
export function CampaignControls({ campaign }: { campaign: Campaign }) {
  const t = useT();
  const canSend = useCan("campaigns.send");
  const [busy, setBusy] = useState(false);
  const [asking, setAsking] = useState<"stop" | "unschedule" | "purge" | null>(null);
  if (campaign.sequence_id) {
    return (
      <LinkButton variant="default" to="/sequences/$sequenceId" params={{ sequenceId: campaign.sequence_id }}>
        {t("sequences.steered_there")}
      </LinkButton>
    );
  }
  if (!canSend) {
    return null;
  }
  const act = (work: () => Promise<unknown>, done: string) => {
    setBusy(true);
    work()
      .then(() => notifyDone(done))
      .catch(notifyProblem)
      .finally(() => setBusy(false));
  };
  const { counts } = campaign;
  const open = Math.max(0, counts.audience - settled(counts));
  return (
    <>
      {(isRunning(campaign) || campaign.state === "paused") && counts.queued + counts.deferred > 0 ? (
        <Button variant="default" onClick={() => setAsking("purge")}>
          {t("limits.purge")}
        </Button>
      ) : null}
      {isRunning(campaign) || campaign.state === "paused" ? (
        <Button variant="default" leftSection={<IconPlayerStop size={16} />} onClick={() => setAsking("stop")}>
          {t("control.stop")}
        </Button>
      ) : null}
      {isRunning(campaign) ? (
        <Button
          leftSection={<IconPlayerPause size={16} />}
          loading={busy}
          onClick={() => act(() => pauseCampaign(campaign.id), t("control.paused"))}
        >
          {t("control.pause")}
        </Button>
      ) : null}
      {campaign.state === "paused" ? (
        <Button
          leftSection={<IconPlayerPlay size={16} />}
          loading={busy}
          onClick={() => act(() => resumeCampaign(campaign.id), t("control.resumed"))}
        >
          {t("control.resume", { count: open })}
        </Button>
      ) : null}
      {campaign.state === "scheduled" && !campaign.date_mail_id ? (
        <Button variant="default" onClick={() => setAsking("unschedule")}>
          {t("control.unschedule")}
        </Button>
      ) : null}
      {asking === "purge" ? (
        <Suspense>
          <PurgeDialog campaign={campaign} onClose={() => setAsking(null)} />
        </Suspense>
      ) : null}
      <ConfirmDialog
        opened={asking === "stop"}
        onClose={() => setAsking(null)}
        title={t("control.stop")}
        confirm={t("control.stop_confirm")}
        danger
        onConfirm={async () => {
          const stopped = await stopCampaign(campaign.id);
          notifyDone(t("control.stopped", { count: stopped.counts.accepted }));
        }}
      >
        <Text>{t("control.stop_body", { accepted: counts.accepted, open })}</Text>
      </ConfirmDialog>
      <ConfirmDialog
        opened={asking === "unschedule"}
        onClose={() => setAsking(null)}
        title={t("control.unschedule")}
        confirm={t("control.unschedule")}
        onConfirm={async () => {
          await unscheduleCampaign(campaign.id);
          notifyDone(t("control.unscheduled"));
        }}
      >
        <Text>{t("control.unschedule_body")}</Text>
      </ConfirmDialog>
    </>
  );
}
