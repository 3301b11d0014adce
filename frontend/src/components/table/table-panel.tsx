import { ActionIcon, Button, Group } from "@mantine/core";
import { type Icon, IconPencil, IconPlus, IconTrash } from "@tabler/icons-react";
import { useT } from "@/i18n";
import { EmptyState } from "../ui/state-view";
import { type Column, DataTable } from "./data-table";

interface Props<Row> {
  caption: string;
  columns: readonly Column<Row>[];
  query: { data?: { items: readonly Row[] }; error: unknown; refetch: () => unknown };
  empty: { icon: Icon; title: string; body: string; action?: React.ReactNode };
}

/** A table of all that there is, in a panel. */
export function TablePanel<Row extends { id: string }>({ caption, columns, query, empty }: Props<Row>) {
  return (
    <div className="kb-panel">
      <DataTable
        caption={caption}
        columns={columns}
        rows={query.data?.items}
        rowId={(row) => row.id}
        error={query.error}
        onRetry={() => void query.refetch()}
        empty={<EmptyState icon={empty.icon} title={empty.title} body={empty.body} action={empty.action} />}
      />
    </div>
  );
}

export function CreateButton(props: { label: string; onClick: () => void }) {
  return (
    <Button leftSection={<IconPlus size={16} />} onClick={props.onClick}>
      {props.label}
    </Button>
  );
}

/** The last column: edit and delete, each with the row's name for screen readers. */
export function useEditColumn<Row>(actions: {
  nameOf: (row: Row) => string;
  onEdit: (row: Row) => void;
  onDelete: (row: Row) => void;
}): Column<Row> {
  const t = useT();
  const button = (row: Row, label: string, Picture: Icon, onClick: (row: Row) => void) => (
    <ActionIcon
      variant="subtle"
      color="gray"
      aria-label={`${label}: ${actions.nameOf(row)}`}
      onClick={() => onClick(row)}
    >
      <Picture size={16} />
    </ActionIcon>
  );
  return {
    id: "actions",
    header: t("common.menu"),
    actions: true,
    width: 90,
    cell: (row) => (
      <Group gap={2} wrap="nowrap">
        {button(row, t("common.edit"), IconPencil, actions.onEdit)}
        {button(row, t("common.delete"), IconTrash, actions.onDelete)}
      </Group>
    ),
  };
}
