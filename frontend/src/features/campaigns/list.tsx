import { Group, Select } from "@mantine/core";
import { IconPlus, IconSend } from "@tabler/icons-react";
import type { Campaign } from "@/api/types";
import { useCan } from "@/auth/guard";
import { rateOf } from "@/components/campaign/numbers";
import { CampaignStateLabel } from "@/components/campaign/state";
import { Page } from "@/components/layout/page";
import { type Column, DataTable } from "@/components/table/data-table";
import { Pager } from "@/components/table/pager";
import { SearchBox } from "@/components/table/search-box";
import { LinkButton, TextLink } from "@/components/ui/link-button";
import { EmptyState } from "@/components/ui/state-view";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { useCampaigns } from "./queries";
import { type CampaignListSearch, campaignStates } from "./search";

interface Props {
  search: CampaignListSearch;
  onSearch: (change: Partial<CampaignListSearch>) => void;
}

export function CampaignsScreen({ search, onSearch }: Props) {
  const t = useT();
  const format = useFormat();
  const canWrite = useCan("campaigns.write");
  const query = useCampaigns(search);
  const filter = (change: Partial<CampaignListSearch>) => onSearch({ cursor: undefined, ...change });
  const rate = (part: number, row: Campaign) => {
    const value = rateOf(part, row.counts);
    return value === null ? "–" : `${format.number(part)} (${format.percent(value)})`;
  };
  const columns: Column<Campaign>[] = [
    {
      id: "name",
      header: t("campaigns.name"),
      cell: (row) => (
        <TextLink to="/campaigns/$campaignId" params={{ campaignId: row.id }} size="sm" fw={500}>
          {row.name}
        </TextLink>
      ),
    },
    {
      id: "state",
      header: t("campaigns.state"),
      width: 120,
      cell: (row) => <CampaignStateLabel state={row.state} />,
    },
    {
      id: "when",
      header: t("campaigns.when"),
      numeric: true,
      width: 160,
      cell: (row) => {
        const at = row.started_at ?? row.scheduled_at;
        return at ? format.dateTime(at) : "–";
      },
    },
    {
      id: "accepted",
      header: t("count.accepted"),
      numeric: true,
      cell: (row) => (row.state === "draft" ? "–" : format.number(row.counts.accepted)),
    },
    { id: "opened", header: t("count.opened"), numeric: true, cell: (row) => rate(row.counts.opened, row) },
    { id: "clicked", header: t("count.clicked"), numeric: true, cell: (row) => rate(row.counts.clicked, row) },
    {
      id: "failed",
      header: t("count.failed"),
      numeric: true,
      cell: (row) => (row.state === "draft" ? "–" : format.number(row.counts.failed)),
    },
  ];
  const create = canWrite ? (
    <LinkButton to="/campaigns/new" leftSection={<IconPlus size={16} />}>
      {t("campaigns.create")}
    </LinkButton>
  ) : null;
  return (
    <Page title={t("nav.campaigns")} actions={create}>
      <Group gap="xs" mb="sm">
        <SearchBox
          label={t("campaigns.search")}
          value={search.q ?? ""}
          onChange={(q) => filter({ q: q || undefined })}
        />
        <Select
          aria-label={t("campaigns.state")}
          placeholder={t("campaigns.state")}
          w={150}
          clearable
          clearButtonProps={{ "aria-label": t("picker.clear") }}
          data={campaignStates.map((state) => ({ value: state, label: t(`campaign_state.${state}`) }))}
          value={search.state ?? null}
          onChange={(state) => filter({ state: (state as CampaignListSearch["state"]) ?? undefined })}
        />
      </Group>
      <div className="kb-panel">
        <DataTable
          caption={t("nav.campaigns")}
          columns={columns}
          rows={query.data?.items}
          rowId={(row) => row.id}
          error={query.error}
          onRetry={() => void query.refetch()}
          busy={query.isPlaceholderData}
          empty={
            search.q || search.state ? (
              <EmptyState icon={IconSend} title={t("table.no_match_title")} body={t("table.no_match_body")} />
            ) : (
              <EmptyState
                icon={IconSend}
                title={t("campaigns.empty_title")}
                body={t("campaigns.empty_body")}
                action={create}
              />
            )
          }
        />
        {query.data && query.data.items.length > 0 ? (
          <Pager
            cursor={search.cursor}
            nextCursor={query.data.next_cursor}
            shown={query.data.items.length}
            onCursor={(cursor) => onSearch({ cursor })}
          />
        ) : null}
      </div>
    </Page>
  );
}
