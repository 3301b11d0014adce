import { Group, Text } from "@mantine/core";
import { IconBolt } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { api, inBackground } from "@/api/client";
import type { DeliveryState, TransactionalSend } from "@/api/types";
import { useDeliveryColumns } from "@/components/delivery/columns";
import { DeliveryById } from "@/components/delivery/one";
import { DeliveryStateSelect } from "@/components/delivery/state-select";
import { Page } from "@/components/layout/page";
import { type Column, DataTable } from "@/components/table/data-table";
import { Pager } from "@/components/table/pager";
import { SearchBox } from "@/components/table/search-box";
import { SidePanel } from "@/components/ui/dialog";
import { EmptyState } from "@/components/ui/state-view";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import type { TransactionalSearch } from "./search";

interface Props {
  search: TransactionalSearch;
  onSearch: (change: Partial<TransactionalSearch>) => void;
}

const isOpen = (row: { state: DeliveryState }) => ["queued", "claimed", "deferred"].includes(row.state);

/** Mails that calls of the API sent, one by one. */
export function TransactionalScreen({ search, onSearch }: Props) {
  const t = useT();
  const format = useFormat();
  const query = api.useQuery(
    "get",
    "/v1/transactional-sends",
    {
      params: { query: { email: search.q, state: search.state, cursor: search.cursor, limit: 50 } },
      ...inBackground,
    },
    {
      placeholderData: keepPreviousData,
      refetchInterval: ({ state }) => (state.data?.items.some(isOpen) ? 5_000 : false),
      retry: false,
    },
  );
  const { address, state, reply, accepted } = useDeliveryColumns<TransactionalSend>(({ id }) => onSearch({ open: id }));
  const columns: Column<TransactionalSend>[] = [
    address,
    { id: "mail", header: t("transactional.mail"), cell: (row) => row.mail_name },
    state,
    reply,
    {
      id: "asked",
      header: t("transactional.asked_at"),
      numeric: true,
      width: 150,
      cell: (row) => format.dateTime(row.created_at),
    },
    accepted,
  ];
  const filtered = search.q !== undefined || search.state !== undefined;
  return (
    <Page title={t("nav.transactional")} description={t("transactional.description")}>
      <Group gap="xs" mb="sm">
        <SearchBox
          label={t("transactional.address")}
          value={search.q ?? ""}
          onChange={(q) => onSearch({ q: q || undefined, cursor: undefined })}
        />
        <DeliveryStateSelect value={search.state} onChange={(state) => onSearch({ state, cursor: undefined })} />
      </Group>
      <div className="kb-panel">
        <DataTable
          caption={t("nav.transactional")}
          columns={columns}
          rows={query.data?.items}
          rowId={(row) => row.id}
          error={query.error}
          onRetry={() => void query.refetch()}
          busy={query.isPlaceholderData}
          empty={
            filtered ? (
              <EmptyState icon={IconBolt} title={t("table.no_match_title")} body={t("table.no_match_body")} />
            ) : (
              <EmptyState icon={IconBolt} title={t("transactional.empty_title")} body={t("transactional.empty_body")} />
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
      <Text size="xs" c="dimmed" mt="sm">
        {t("transactional.suppressed_help")}
      </Text>
      <SidePanel
        opened={search.open !== undefined}
        onClose={() => onSearch({ open: undefined })}
        title={t("common.details")}
      >
        {search.open ? <DeliveryById id={search.open} /> : null}
      </SidePanel>
    </Page>
  );
}
