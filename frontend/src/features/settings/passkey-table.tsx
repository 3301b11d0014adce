import { ActionIcon, Group, Text } from "@mantine/core";
import { IconFingerprint, IconPencil, IconTrash } from "@tabler/icons-react";
import type { Passkey } from "@/api/types";
import { type Column, DataTable } from "@/components/table/data-table";
import { EmptyState } from "@/components/ui/state-view";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";

interface Props {
  passkeys: Passkey[];
  onRename: (passkey: Passkey) => void;
  onRemove: (passkey: Passkey) => void;
}

export function PasskeyTable(props: Props) {
  const t = useT();
  const format = useFormat();
  const columns: Column<Passkey>[] = [
    {
      id: "name",
      header: t("passkey.name"),
      cell: (row) => (
        <>
          <Text size="sm" fw={500}>
            {row.name}
          </Text>
          <Text size="xs" c="dimmed">
            {t(row.backed_up ? "passkey.synced" : "passkey.one_device")}
          </Text>
          {row.discoverable ? null : (
            <Text size="xs" c="dimmed">
              {t("passkey.second_step_only")}
            </Text>
          )}
        </>
      ),
    },
    { id: "created", header: t("passkey.created_at"), numeric: true, cell: (row) => format.dateTime(row.created_at) },
    {
      id: "last",
      header: t("passkey.last_used_at"),
      numeric: true,
      cell: (row) => (row.last_used_at ? format.ago(row.last_used_at) : "–"),
    },
    {
      id: "actions",
      header: t("common.menu"),
      actions: true,
      width: 90,
      cell: (row) => (
        <Group gap={4} wrap="nowrap" justify="flex-end">
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={`${t("passkey.rename")}: ${row.name}`}
            onClick={() => props.onRename(row)}
          >
            <IconPencil size={16} />
          </ActionIcon>
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={`${t("factor.remove")}: ${row.name}`}
            onClick={() => props.onRemove(row)}
          >
            <IconTrash size={16} />
          </ActionIcon>
        </Group>
      ),
    },
  ];
  return (
    <DataTable
      caption={t("passkey.title")}
      columns={columns}
      rows={props.passkeys}
      rowId={(row) => row.id}
      empty={<EmptyState icon={IconFingerprint} title={t("passkey.title")} body={t("passkey.description")} />}
    />
  );
}
