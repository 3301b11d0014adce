import { Button, Group, Text } from "@mantine/core";
import { IconUserOff } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { api, inBackground } from "@/api/client";
import type { Campaign } from "@/api/types";
import { type Column, DataTable } from "@/components/table/data-table";
import { Pager } from "@/components/table/pager";
import { TextLink } from "@/components/ui/link-button";
import { EmptyState } from "@/components/ui/state-view";
import { translateCode, useT } from "@/i18n";
import type { CampaignSearch } from "./search";

interface LeftOut {
  contact_id?: string | null;
  name?: string | null;
  address: string;
  reason: string;
}

/** Everyone of the audience to whom nothing was sent, and why. */
export function LeftOutTable(props: {
  campaign: Campaign;
  search: CampaignSearch;
  onSearch: (change: Partial<CampaignSearch>) => void;
}) {
  const t = useT();
  const { campaign, search, onSearch } = props;
  const query = api.useQuery(
    "get",
    "/v1/campaigns/{id}/left-out",
    {
      params: { path: { id: campaign.id }, query: { reason: search.reason, cursor: search.cursor, limit: 50 } },
      ...inBackground,
    },
    { placeholderData: keepPreviousData },
  );
  const columns: Column<LeftOut>[] = [
    {
      id: "address",
      header: t("contacts.email"),
      cell: (row) =>
        row.contact_id ? (
          <TextLink to="/contacts/$contactId" params={{ contactId: row.contact_id }} size="sm" fw={500}>
            {row.address}
          </TextLink>
        ) : (
          row.address
        ),
    },
    { id: "name", header: t("contacts.name"), cell: (row) => row.name || "–" },
    { id: "reason", header: t("report.reason"), cell: (row) => translateCode("reason", row.reason) },
  ];
  return (
    <>
      {search.reason ? (
        <Group mb="sm" gap="sm">
          <Text size="sm">
            {t("report.reason")}: {translateCode("reason", search.reason)}
          </Text>
          <Button size="xs" variant="subtle" onClick={() => onSearch({ reason: undefined, cursor: undefined })}>
            {t("table.clear_filters")}
          </Button>
        </Group>
      ) : null}
      <div className="kb-panel">
        <DataTable
          caption={t("result.left_out")}
          columns={columns}
          rows={query.data?.items}
          rowId={(row) => `${row.contact_id ?? ""}${row.address}`}
          error={query.error}
          onRetry={() => void query.refetch()}
          busy={query.isPlaceholderData}
          empty={<EmptyState icon={IconUserOff} title={t("left_out.empty_title")} body={t("left_out.empty_body")} />}
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
    </>
  );
}
