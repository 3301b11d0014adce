import { ActionIcon, Button, Group, Text } from "@mantine/core";
import { IconForms, IconPencil, IconPlus, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import { api, ifMatch } from "@/api/client";
import { refresh } from "@/api/query";
import type { ContactField } from "@/api/types";
import { useCan } from "@/auth/guard";
import { Page } from "@/components/layout/page";
import { type Column, DataTable } from "@/components/table/data-table";
import { ConfirmDialog } from "@/components/ui/confirm";
import { CopyButton } from "@/components/ui/copy";
import { notifyDone } from "@/components/ui/notify";
import { EmptyState } from "@/components/ui/state-view";
import { useT } from "@/i18n";
import { FieldDialog } from "./form";

export function FieldsScreen() {
  const t = useT();
  const canWrite = useCan("contacts.write");
  const [editing, setEditing] = useState<ContactField | "new" | null>(null);
  const [deleting, setDeleting] = useState<ContactField | null>(null);
  const query = api.useQuery("get", "/v1/contact-fields");
  const remove = api.useMutation("delete", "/v1/contact-fields/{id}");
  const columns: Column<ContactField>[] = [
    {
      id: "label",
      header: t("fields.label"),
      cell: (row) => (
        <Text size="sm" fw={500}>
          {row.label}
        </Text>
      ),
    },
    {
      id: "key",
      header: t("fields.key"),
      cell: (row) => (
        <Group gap={4} wrap="nowrap">
          <span className="kb-mono">{row.key}</span>
          <CopyButton value={row.key} label={row.label} />
        </Group>
      ),
    },
    { id: "type", header: t("fields.type"), cell: (row) => t(`field_type.${row.type}`) },
    { id: "required", header: t("fields.required"), cell: (row) => (row.required ? t("common.yes") : "–") },
    { id: "unique", header: t("fields.unique"), cell: (row) => (row.unique ? t("common.yes") : "–") },
    ...(canWrite
      ? [
          {
            id: "actions",
            header: t("common.menu"),
            actions: true,
            width: 90,
            cell: (row: ContactField) => (
              <Group gap={2} wrap="nowrap">
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  aria-label={`${t("common.edit")}: ${row.label}`}
                  onClick={() => setEditing(row)}
                >
                  <IconPencil size={16} />
                </ActionIcon>
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  aria-label={`${t("common.delete")}: ${row.label}`}
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
      {t("fields.create")}
    </Button>
  ) : null;
  return (
    <Page
      title={t("fields.title")}
      description={t("fields.description")}
      trail={[{ label: t("nav.contacts"), to: "/contacts" }]}
      actions={create}
    >
      <div className="kb-panel">
        <DataTable
          caption={t("fields.title")}
          columns={columns}
          rows={query.data?.items}
          rowId={(row) => row.id}
          error={query.error}
          onRetry={() => void query.refetch()}
          empty={
            <EmptyState
              icon={IconForms}
              title={t("fields.empty_title")}
              body={t("fields.empty_body")}
              action={create}
            />
          }
        />
      </div>
      {editing ? <FieldDialog field={editing === "new" ? null : editing} onClose={() => setEditing(null)} /> : null}
      <ConfirmDialog
        opened={deleting !== null}
        onClose={() => setDeleting(null)}
        title={t("fields.delete_title")}
        confirm={t("common.delete")}
        danger
        onConfirm={async () => {
          if (deleting) {
            await remove.mutateAsync({ params: { path: { id: deleting.id }, header: ifMatch(deleting.version) } });
            await refresh("/v1/contact-fields", "/v1/merge-fields", "/v1/contacts");
            notifyDone(t("common.deleted"));
          }
        }}
      >
        <Text>{t("fields.delete_body", { label: deleting?.label ?? "" })}</Text>
      </ConfirmDialog>
    </Page>
  );
}
