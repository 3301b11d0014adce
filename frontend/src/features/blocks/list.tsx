import { ActionIcon, Button, Group, Text } from "@mantine/core";
import { IconLayoutList, IconPencil, IconPlus, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import { api, ifMatch } from "@/api/client";
import { refresh } from "@/api/query";
import type { Block } from "@/api/types";
import { useCan } from "@/auth/guard";
import { Page } from "@/components/layout/page";
import { type Column, DataTable } from "@/components/table/data-table";
import { ConfirmDialog } from "@/components/ui/confirm";
import { CopyButton } from "@/components/ui/copy";
import { notifyDone } from "@/components/ui/notify";
import { EmptyState } from "@/components/ui/state-view";
import { useT } from "@/i18n";
import { BlockDialog } from "./form";

/** How a block is called from a mail. */
const tokenOf = (block: Block) => `{{ block("${block.key}") }}`;

export function BlocksScreen() {
  const t = useT();
  const canWrite = useCan("mails.write");
  const [editing, setEditing] = useState<Block | "new" | null>(null);
  const [deleting, setDeleting] = useState<Block | null>(null);
  const query = api.useQuery("get", "/v1/blocks");
  const remove = api.useMutation("delete", "/v1/blocks/{id}");
  const columns: Column<Block>[] = [
    {
      id: "name",
      header: t("common.name"),
      cell: (row) => (
        <Text size="sm" fw={500}>
          {row.name}
        </Text>
      ),
    },
    {
      id: "token",
      header: t("blocks.token"),
      cell: (row) => (
        <Group gap={4} wrap="nowrap">
          <span className="kb-mono">{tokenOf(row)}</span>
          <CopyButton value={tokenOf(row)} label={row.name} />
        </Group>
      ),
    },
    ...(canWrite
      ? [
          {
            id: "actions",
            header: t("common.menu"),
            actions: true,
            width: 90,
            cell: (row: Block) => (
              <Group gap={2} wrap="nowrap">
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  aria-label={`${t("common.edit")}: ${row.name}`}
                  onClick={() => setEditing(row)}
                >
                  <IconPencil size={16} />
                </ActionIcon>
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  aria-label={`${t("common.delete")}: ${row.name}`}
                  onClick={() => setDeleting(row)}
                >
                  <IconTrash size={16} />
                </ActionIcon>
              </Group>
            ),
          },
        ]
      : []),
  ];
  const create = canWrite ? (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setEditing("new")}>
      {t("blocks.create")}
    </Button>
  ) : null;
  return (
    <Page title={t("blocks.title")} description={t("blocks.description")} actions={create}>
      <div className="kb-panel">
        <DataTable
          caption={t("blocks.title")}
          columns={columns}
          rows={query.data?.items}
          rowId={(row) => row.id}
          error={query.error}
          onRetry={() => void query.refetch()}
          empty={
            <EmptyState
              icon={IconLayoutList}
              title={t("blocks.empty_title")}
              body={t("blocks.empty_body")}
              action={create}
            />
          }
        />
      </div>
      {editing ? <BlockDialog block={editing === "new" ? null : editing} onClose={() => setEditing(null)} /> : null}
      <ConfirmDialog
        opened={deleting !== null}
        onClose={() => setDeleting(null)}
        title={t("blocks.delete_title")}
        confirm={t("common.delete")}
        danger
        onConfirm={async () => {
          if (deleting) {
            await remove.mutateAsync({ params: { path: { id: deleting.id }, header: ifMatch(deleting.version) } });
            await refresh("/v1/blocks", "/v1/merge-fields");
            notifyDone(t("common.deleted"));
          }
        }}
      >
        <Text>{t("blocks.delete_body", { name: deleting?.name ?? "" })}</Text>
      </ConfirmDialog>
    </Page>
  );
}
