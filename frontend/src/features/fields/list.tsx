import { Group, Text } from "@mantine/core";
import { IconForms } from "@tabler/icons-react";
import { useState } from "react";
import { api, ifMatch } from "@/api/client";
import { refresh } from "@/api/query";
import type { ContactField } from "@/api/types";
import { useCan } from "@/auth/guard";
import { Page } from "@/components/layout/page";
import type { Column } from "@/components/table/data-table";
import { CreateButton, TablePanel, useEditColumn } from "@/components/table/table-panel";
import { ConfirmDialog } from "@/components/ui/confirm";
import { CopyButton } from "@/components/ui/copy";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";
import { FieldDialog } from "./form";

export function FieldsScreen() {
  const t = useT();
  const canWrite = useCan("contacts.write");
  const [editing, setEditing] = useState<ContactField | "new" | null>(null);
  const [deleting, setDeleting] = useState<ContactField | null>(null);
  const query = api.useQuery("get", "/v1/contact-fields");
  const remove = api.useMutation("delete", "/v1/contact-fields/{id}");
  const edit = useEditColumn<ContactField>({ nameOf: (row) => row.label, onEdit: setEditing, onDelete: setDeleting });
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
    ...(canWrite ? [edit] : []),
  ];
  const create = canWrite ? <CreateButton label={t("fields.create")} onClick={() => setEditing("new")} /> : null;
  return (
    <Page
      title={t("fields.title")}
      description={t("fields.description")}
      trail={[{ label: t("nav.contacts"), to: "/contacts" }]}
      actions={create}
    >
      <TablePanel
        caption={t("fields.title")}
        columns={columns}
        query={query}
        empty={{ icon: IconForms, title: t("fields.empty_title"), body: t("fields.empty_body"), action: create }}
      />
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
