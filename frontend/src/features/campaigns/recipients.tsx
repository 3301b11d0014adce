import { Button, Group } from "@mantine/core";
import { IconUsers } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { useState } from "react";
import { api, inBackground } from "@/api/client";
import type { Campaign, Delivery } from "@/api/types";
import { useDeliveryColumns } from "@/components/delivery/columns";
import { DeliveryById } from "@/components/delivery/one";
import { DeliveryStateSelect } from "@/components/delivery/state-select";
import { type Column, DataTable } from "@/components/table/data-table";
import { Pager } from "@/components/table/pager";
import { SearchBox } from "@/components/table/search-box";
import { SidePanel } from "@/components/ui/dialog";
import { EmptyState } from "@/components/ui/state-view";
import { translateCode, useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { isRunning } from "./queries";
import type { CampaignSearch } from "./search";

interface Props {
  campaign: Campaign;
  search: CampaignSearch;
  onSearch: (change: Partial<CampaignSearch>) => void;
}

/** Per recipient what the other server said. "Accepted", never "delivered": more can't be known. */
export function Recipients({ campaign, search, onSearch }: Props) {
  const t = useT();
  const format = useFormat();
  const [opened, setOpened] = useState<Delivery | null>(null);
  const query = api.useQuery(
    "get",
    "/v1/campaigns/{id}/deliveries",
    {
      params: {
        path: { id: campaign.id },
        query: { q: search.q, state: search.state, reason: search.reason, cursor: search.cursor, limit: 50 },
      },
      ...inBackground,
    },
    { placeholderData: keepPreviousData, refetchInterval: isRunning(campaign) ? 5_000 : false },
  );
  const time = (at: string | null | undefined) => (at ? format.dateTime(at) : "–");
  const { address, state, reply, accepted } = useDeliveryColumns<Delivery>(setOpened);
  const columns: Column<Delivery>[] = [
    address,
    state,
    reply,
    accepted,
    { id: "opened", header: t("count.opened"), numeric: true, width: 150, cell: (row) => time(row.opened_at) },
    { id: "clicked", header: t("count.clicked"), numeric: true, width: 150, cell: (row) => time(row.clicked_at) },
  ];
  return (
    <>
      <Group gap="xs" mb="sm">
        <SearchBox
          label={t("contacts.search")}
          value={search.q ?? ""}
          onChange={(q) => onSearch({ q: q || undefined, cursor: undefined })}
        />
        <DeliveryStateSelect
          value={search.state}
          onChange={(state) => onSearch({ state, reason: undefined, cursor: undefined })}
        />
        {search.reason ? (
          <Button size="xs" variant="subtle" onClick={() => onSearch({ reason: undefined, cursor: undefined })}>
            {translateCode("reason", search.reason)} – {t("table.clear_filters")}
          </Button>
        ) : null}
      </Group>
      <div className="kb-panel">
        <DataTable
          caption={t("result.recipients")}
          columns={columns}
          rows={query.data?.items}
          rowId={(row) => row.id}
          error={query.error}
          onRetry={() => void query.refetch()}
          busy={query.isPlaceholderData}
          empty={<EmptyState icon={IconUsers} title={t("table.no_match_title")} body={t("recipients.empty")} />}
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
      <SidePanel opened={opened !== null} onClose={() => setOpened(null)} title={t("common.details")}>
        {opened ? <DeliveryById id={opened.id} /> : null}
      </SidePanel>
    </>
  );
}
