import { Button, Group, Text } from "@mantine/core";
import { IconBan, IconMailForward, IconPlus } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { Suspense, useState } from "react";
import { api } from "@/api/client";
import { refresh } from "@/api/query";
import type { Suppression } from "@/api/types";
import { useCan } from "@/auth/guard";
import { BounceResetDialog } from "@/components/bounces/lazy";
import { Page } from "@/components/layout/page";
import { type Column, DataTable } from "@/components/table/data-table";
import { Pager } from "@/components/table/pager";
import { SearchBox } from "@/components/table/search-box";
import { ConfirmDialog } from "@/components/ui/confirm";
import { notifyDone } from "@/components/ui/notify";
import { EmptyState } from "@/components/ui/state-view";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import type { SearchPageSearch } from "@/lib/search-params";
import { SuppressionDialog } from "./form";

interface Props {
  search: SearchPageSearch;
  onSearch: (change: Partial<SearchPageSearch>) => void;
}

export function SuppressionsScreen({ search, onSearch }: Props) {
  const t = useT();
  const format = useFormat();
  const canWrite = useCan("contacts.write");
  const [adding, setAdding] = useState(false);
  const [resetting, setResetting] = useState(false);
  const [removing, setRemoving] = useState<Suppression | null>(null);
  const query = api.useQuery(
    "get",
    "/v1/suppressions",
    { params: { query: { q: search.q, cursor: search.cursor } } },
    { placeholderData: keepPreviousData },
  );
  const remove = api.useMutation("delete", "/v1/suppressions/{id}");
  const columns: Column<Suppression>[] = [
    {
      id: "value",
      header: t("suppressions.value"),
      cell: (row) => (
        <Text size="sm" fw={500}>
          {row.value}
        </Text>
      ),
    },
    { id: "kind", header: t("suppressions.kind"), cell: (row) => t(`suppressions.kind_${row.kind}`) },
    { id: "reason", header: t("suppressions.reason"), cell: (row) => t(`suppression_reason.${row.reason}`) },
    {
      id: "note",
      header: t("suppressions.note"),
      cell: (row) => (
        <Text size="sm" c="dimmed" lineClamp={1}>
          {row.note || "–"}
        </Text>
      ),
    },
    { id: "at", header: t("suppressions.created_at"), numeric: true, cell: (row) => format.dateTime(row.created_at) },
    ...(canWrite
      ? [
          {
            id: "actions",
            header: t("common.menu"),
            actions: true,
            width: 90,
            cell: (row: Suppression) => (
              <Button
                size="compact-xs"
                variant="default"
                aria-label={`${t("suppressions.remove")}: ${row.value}`}
                onClick={() => setRemoving(row)}
              >
                {t("suppressions.remove")}
              </Button>
            ),
          },
        ]
      : []),
  ];
  return (
    <Page
      title={t("suppressions.title")}
      description={t("suppressions.description")}
      actions={
        canWrite ? (
          <>
            <Button variant="default" leftSection={<IconMailForward size={16} />} onClick={() => setResetting(true)}>
              {t("bounces.reset")}
            </Button>
            <Button leftSection={<IconPlus size={16} />} onClick={() => setAdding(true)}>
              {t("suppressions.create")}
            </Button>
          </>
        ) : null
      }
    >
      <Group mb="sm">
        <SearchBox
          label={t("suppressions.search")}
          value={search.q ?? ""}
          onChange={(q) => onSearch({ q: q || undefined, cursor: undefined })}
        />
      </Group>
      <div className="kb-panel">
        <DataTable
          caption={t("suppressions.title")}
          columns={columns}
          rows={query.data?.items}
          rowId={(row) => row.id}
          error={query.error}
          onRetry={() => void query.refetch()}
          busy={query.isPlaceholderData}
          empty={
            search.q ? (
              <EmptyState icon={IconBan} title={t("table.no_match_title")} body={t("table.no_match_body")} />
            ) : (
              <EmptyState icon={IconBan} title={t("suppressions.empty_title")} body={t("suppressions.empty_body")} />
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
      {resetting ? (
        <Suspense>
          <BounceResetDialog contactIds={null} onClose={() => setResetting(false)} />
        </Suspense>
      ) : null}
      {adding ? <SuppressionDialog onClose={() => setAdding(false)} /> : null}
      <ConfirmDialog
        opened={removing !== null}
        onClose={() => setRemoving(null)}
        title={t("suppressions.delete_title")}
        confirm={t("suppressions.remove")}
        danger
        onConfirm={async () => {
          if (removing) {
            await remove.mutateAsync({ params: { path: { id: removing.id } } });
            await refresh("/v1/suppressions", "/v1/contacts");
            notifyDone(t("common.deleted"));
          }
        }}
      >
        <Text>{t("suppressions.delete_body", { value: removing?.value ?? "" })}</Text>
      </ConfirmDialog>
    </Page>
  );
}
