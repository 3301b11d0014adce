import { Text } from "@mantine/core";
import { IconCake } from "@tabler/icons-react";
import { api, inBackground } from "@/api/client";
import type { Campaign, DateMail } from "@/api/types";
import { CampaignStateLabel } from "@/components/campaign/state";
import { type Column, DataTable } from "@/components/table/data-table";
import { SidePanel } from "@/components/ui/dialog";
import { TextLink } from "@/components/ui/link-button";
import { EmptyState } from "@/components/ui/state-view";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";

/** The last days of a date mail: each is a campaign with its own report. */
export function Days({ dateMail, onClose }: { dateMail: DateMail; onClose: () => void }) {
  const t = useT();
  const format = useFormat();
  const query = api.useQuery("get", "/v1/campaigns", {
    params: { query: { date_mail_id: dateMail.id, limit: 100 } },
    ...inBackground,
  });
  const columns: Column<Campaign>[] = [
    {
      id: "when",
      header: t("campaigns.when"),
      cell: (row) => (
        <TextLink to="/campaigns/$campaignId" params={{ campaignId: row.id }} size="sm">
          {format.dateTime(row.started_at ?? row.scheduled_at ?? row.created_at)}
        </TextLink>
      ),
    },
    { id: "state", header: t("campaigns.state"), cell: (row) => <CampaignStateLabel state={row.state} /> },
    {
      id: "accepted",
      header: t("count.accepted"),
      numeric: true,
      cell: (row) => format.number(row.counts.accepted),
    },
    { id: "opened", header: t("count.opened"), numeric: true, cell: (row) => format.number(row.counts.opened) },
  ];
  return (
    <SidePanel opened onClose={onClose} title={dateMail.name} size="lg">
      <Text size="sm" c="dimmed" mb="sm">
        {t("date_mails.days_help")}
      </Text>
      <DataTable
        caption={t("date_mails.days")}
        columns={columns}
        rows={query.data?.items}
        rowId={(row) => row.id}
        error={query.error}
        onRetry={() => void query.refetch()}
        empty={<EmptyState icon={IconCake} title={t("date_mails.no_days")} body={t("date_mails.no_days_body")} />}
      />
    </SidePanel>
  );
}
