import { ActionIcon, Button, ColorSwatch, Group, Menu, Text } from "@mantine/core";
import { IconDots, IconPencil, IconPlus, IconTrash, IconUsersGroup } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { useState } from "react";
import { api, ifMatch } from "@/api/client";
import { refresh } from "@/api/query";
import type { List } from "@/api/types";
import { useCan } from "@/auth/guard";
import { Page } from "@/components/layout/page";
import { type Column, DataTable } from "@/components/table/data-table";
import { Pager } from "@/components/table/pager";
import { SearchBox } from "@/components/table/search-box";
import { ConfirmDialog } from "@/components/ui/confirm";
import { TextLink } from "@/components/ui/link-button";
import { notifyDone } from "@/components/ui/notify";
import { EmptyState } from "@/components/ui/state-view";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import type { SearchPageSearch } from "@/lib/search-params";
import { swatch } from "./colours";
import { ListDialog } from "./form";

interface Props {
  search: SearchPageSearch;
  onSearch: (change: Partial<SearchPageSearch>) => void;
}

export function ListsScreen({ search, onSearch }: Props) {
  const t = useT();
  const format = useFormat();
  const canWrite = useCan("lists.write");
  const [editing, setEditing] = useState<List | "new" | null>(null);
  const [deleting, setDeleting] = useState<List | null>(null);
  const query = api.useQuery(
    "get",
    "/v1/lists",
    { params: { query: { q: search.q, cursor: search.cursor, sort: "name", limit: 50 } } },
    { placeholderData: keepPreviousData },
  );
  const remove = api.useMutation("delete", "/v1/lists/{id}");
  const columns: Column<List>[] = [
    {
      id: "name",
      header: t("common.name"),
      cell: (row) => (
        <Group gap={8} wrap="nowrap">
          <ColorSwatch color={swatch[row.colour]} size={12} withShadow={false} aria-hidden />
          <TextLink to="/contacts" search={{ list: row.id }} size="sm" fw={500}>
            {row.name}
          </TextLink>
        </Group>
      ),
    },
    {
      id: "description",
      header: t("lists.description"),
      cell: (row) => (
        <Text size="sm" c="dimmed" lineClamp={2}>
          {row.description || "–"}
        </Text>
      ),
    },
    { id: "members", header: t("lists.members"), numeric: true, cell: (row) => format.number(row.member_count) },
    { id: "created_at", header: t("lists.created_at"), numeric: true, cell: (row) => format.date(row.created_at) },
    ...(canWrite
      ? [
          {
            id: "actions",
            header: t("common.menu"),
            actions: true,
            width: 60,
            cell: (row: List) => (
              <Menu position="bottom-end">
                <Menu.Target>
                  <ActionIcon variant="subtle" color="gray" aria-label={`${t("common.menu")}: ${row.name}`}>
                    <IconDots size={16} />
                  </ActionIcon>
                </Menu.Target>
                <Menu.Dropdown>
                  <Menu.Item leftSection={<IconPencil size={16} />} onClick={() => setEditing(row)}>
                    {t("common.edit")}
                  </Menu.Item>
                  <Menu.Item leftSection={<IconTrash size={16} />} onClick={() => setDeleting(row)}>
                    {t("common.delete")}
                  </Menu.Item>
                </Menu.Dropdown>
              </Menu>
            ),
          },
        ]
      : []),
  ];
  const create = canWrite ? (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setEditing("new")}>
      {t("lists.create")}
    </Button>
  ) : null;
  return (
    <Page title={t("lists.title")} description={t("lists.help")} actions={create}>
      <Group mb="sm">
        <SearchBox
          label={t("lists.search")}
          value={search.q ?? ""}
          onChange={(q) => onSearch({ q: q || undefined, cursor: undefined })}
        />
      </Group>
      <div className="kb-panel">
        <DataTable
          caption={t("lists.title")}
          columns={columns}
          rows={query.data?.items}
          rowId={(row) => row.id}
          error={query.error}
          onRetry={() => void query.refetch()}
          busy={query.isPlaceholderData}
          empty={
            search.q ? (
              <EmptyState icon={IconUsersGroup} title={t("table.no_match_title")} body={t("table.no_match_body")} />
            ) : (
              <EmptyState
                icon={IconUsersGroup}
                title={t("lists.empty_title")}
                body={t("lists.empty_body")}
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
      {editing ? <ListDialog list={editing === "new" ? null : editing} onClose={() => setEditing(null)} /> : null}
      <ConfirmDialog
        opened={deleting !== null}
        onClose={() => setDeleting(null)}
        title={t("lists.delete_title")}
        confirm={t("common.delete")}
        danger
        onConfirm={async () => {
          if (deleting) {
            await remove.mutateAsync({ params: { path: { id: deleting.id }, header: ifMatch(deleting.version) } });
            await refresh("/v1/lists", "/v1/contacts");
            notifyDone(t("common.deleted"));
          }
        }}
      >
        <Text>{t("lists.delete_body", { name: deleting?.name ?? "", count: deleting?.member_count ?? 0 })}</Text>
      </ConfirmDialog>
    </Page>
  );
}
