import { Group, Text } from "@mantine/core";
import { IconLayoutList } from "@tabler/icons-react";
import { useState } from "react";
import { api, ifMatch } from "@/api/client";
import { refresh } from "@/api/query";
import type { Block } from "@/api/types";
import { useCan } from "@/auth/guard";
import { Page } from "@/components/layout/page";
import type { Column } from "@/components/table/data-table";
import { CreateButton, TablePanel, useEditColumn } from "@/components/table/table-panel";
import { ConfirmDialog } from "@/components/ui/confirm";
import { CopyButton } from "@/components/ui/copy";
import { notifyDone } from "@/components/ui/notify";
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
  const edit = useEditColumn<Block>({ nameOf: (row) => row.name, onEdit: setEditing, onDelete: setDeleting });
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
    ...(canWrite ? [edit] : []),
  ];
  const create = canWrite ? <CreateButton label={t("blocks.create")} onClick={() => setEditing("new")} /> : null;
  return (
    <Page title={t("blocks.title")} description={t("blocks.description")} actions={create}>
      <TablePanel
        caption={t("blocks.title")}
        columns={columns}
        query={query}
        empty={{ icon: IconLayoutList, title: t("blocks.empty_title"), body: t("blocks.empty_body"), action: create }}
      />
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
