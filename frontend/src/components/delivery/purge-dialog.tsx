import { Stack, Text } from "@mantine/core";
import { useState } from "react";
import { api } from "@/api/client";
import { problemText } from "@/api/problem-text";
import { refresh } from "@/api/query";
import { ConfirmDialog } from "@/components/ui/confirm";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";
import { allSites, SiteFields, siteOf } from "./site-fields";
import { siteName } from "./sites";

interface Props {
  /** Without one: of all campaigns that send or are paused. */
  campaign?: { id: string; name: string };
  onClose: () => void;
}

/** Takes what waits out of the queue, for a site or altogether, after it said how many that is. */
export default function PurgeDialog({ campaign, onClose }: Props) {
  const t = useT();
  const purge = api.useMutation("post", "/v1/purges");
  const [choice, setChoice] = useState({ site: allSites as string, domain: "" });
  const site = siteOf(choice);
  const scope = { ...(campaign ? { campaign_id: campaign.id } : {}), ...(site ? { site } : {}) };
  const count = api.useQuery(
    "get",
    "/v1/purges",
    { params: { query: scope } },
    { enabled: site !== "", staleTime: 0, refetchInterval: 5_000 },
  );
  const counted = site === "" ? undefined : count.data;
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      title={t("limits.purge_title")}
      confirm={counted ? t("limits.purge_count", { count: counted.waiting }) : t("limits.purge")}
      danger
      disabled={!counted || counted.waiting === 0}
      onConfirm={async () => {
        const { skipped } = await purge.mutateAsync({ body: scope });
        await refresh("/v1/campaigns", "/v1/campaigns/{id}", "/v1/campaigns/{id}/report", "/v1/summary");
        notifyDone(t("limits.purged", { count: skipped }));
      }}
    >
      <Stack gap="sm">
        <SiteFields value={choice} onChange={setChoice} />
        <Text size="sm" role="status">
          {site !== "" && count.error
            ? problemText(count.error)
            : counted
              ? t("limits.purge_waiting", { waiting: counted.waiting, in_hand: counted.in_hand })
              : t("limits.purge_counting")}
        </Text>
        <Text size="sm">
          {t(campaign ? "limits.purge_body_campaign" : "limits.purge_body", {
            what: site ? siteName(site) : t("limits.all_sites"),
            campaign: campaign?.name ?? "",
          })}
        </Text>
      </Stack>
    </ConfirmDialog>
  );
}
