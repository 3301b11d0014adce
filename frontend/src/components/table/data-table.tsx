import { Checkbox, LoadingOverlay, Table, UnstyledButton, VisuallyHidden } from "@mantine/core";
import { IconArrowDown, IconArrowUp, IconSelector } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useT } from "@/i18n";
import { ErrorView, LoadingView } from "../ui/state-view";
import classes from "./data-table.module.css";

export interface Column<Row> {
  id: string;
  header: string;
  cell: (row: Row) => ReactNode;
  /** Name of the API's sort key, when the server can sort by it. */
  sort?: string;
  numeric?: boolean;
  width?: number | string;
  /** Hidden until chosen. */
  optional?: boolean;
  /** Buttons: the column's name is for screen readers only. */
  actions?: boolean;
}

interface Props<Row> {
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[] | undefined;
  rowId: (row: Row) => string;
  /** What a screen reader calls a row's checkbox. */
  rowLabel?: (row: Row) => string;
  error?: unknown;
  onRetry?: () => void;
  /** New rows are on their way; the old ones stay visible. */
  busy?: boolean;
  sort?: string;
  onSort?: (sort: string) => void;
  selected?: ReadonlySet<string>;
  onSelect?: (selected: ReadonlySet<string>) => void;
  empty: ReactNode;
}

/** The one table of the product. Under 640 px each row becomes a card with the column names beside the values. */
export function DataTable<Row>(props: Props<Row>) {
  const t = useT();
  const { rows, columns, selected, onSelect } = props;
  if (!rows) {
    return (
      <div className={classes.state}>
        {props.error ? <ErrorView error={props.error} onRetry={props.onRetry} /> : <LoadingView rows={8} />}
      </div>
    );
  }
  if (rows.length === 0) {
    return <div className={classes.state}>{props.empty}</div>;
  }
  const ids = rows.map(props.rowId);
  const chosen = selected ? ids.filter((id) => selected.has(id)).length : 0;
  const toggle = (id: string) => {
    const next = new Set(selected);
    if (!next.delete(id)) {
      next.add(id);
    }
    onSelect?.(next);
  };
  return (
    <div className={classes.frame}>
      <LoadingOverlay
        visible={props.busy ?? false}
        overlayProps={{ backgroundOpacity: 0.35 }}
        loaderProps={{ size: "sm" }}
      />
      <Table className={classes.table} aria-busy={props.busy} stickyHeader={false}>
        <caption className={classes.caption}>{props.caption}</caption>
        <Table.Thead>
          <Table.Tr>
            {onSelect ? (
              <Table.Th w={40}>
                <Checkbox
                  size="xs"
                  aria-label={t("table.select_page")}
                  checked={chosen === ids.length}
                  indeterminate={chosen > 0 && chosen < ids.length}
                  onChange={() => onSelect(chosen === ids.length ? new Set() : new Set(ids))}
                />
              </Table.Th>
            ) : null}
            {columns.map((column) => (
              <HeaderCell key={column.id} column={column} sort={props.sort} onSort={props.onSort} />
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row, index) => {
            const id = ids[index] as string;
            return (
              <Table.Tr key={id} data-selected={selected?.has(id) || undefined}>
                {onSelect ? (
                  <Table.Td className={classes.check}>
                    <Checkbox
                      size="xs"
                      aria-label={`${t("table.select_row")}: ${props.rowLabel?.(row) ?? id}`}
                      checked={selected?.has(id) ?? false}
                      onChange={() => toggle(id)}
                    />
                  </Table.Td>
                ) : null}
                {columns.map((column, place) => {
                  const content = column.cell(row);
                  return (
                    <Table.Td
                      key={column.id}
                      data-label={column.actions ? undefined : column.header}
                      // Names the card of a phone; a label would only say what is plain.
                      data-lead={place === 0 || undefined}
                      data-empty={content === "–" || content === null || undefined}
                      className={column.actions ? classes.actions : column.numeric ? classes.numeric : undefined}
                    >
                      {content}
                    </Table.Td>
                  );
                })}
              </Table.Tr>
            );
          })}
        </Table.Tbody>
      </Table>
    </div>
  );
}

function HeaderCell<Row>(props: { column: Column<Row>; sort?: string; onSort?: (sort: string) => void }) {
  const { column, sort, onSort } = props;
  const key = column.sort;
  if (column.actions) {
    return (
      <Table.Th w={column.width} scope="col">
        <VisuallyHidden>{column.header}</VisuallyHidden>
      </Table.Th>
    );
  }
  const className = column.numeric ? classes.numeric : undefined;
  if (!key || !onSort) {
    return (
      <Table.Th w={column.width} className={className} scope="col">
        {column.header}
      </Table.Th>
    );
  }
  const direction = sort === key ? "ascending" : sort === `-${key}` ? "descending" : "none";
  const SortIcon = direction === "ascending" ? IconArrowUp : direction === "descending" ? IconArrowDown : IconSelector;
  return (
    <Table.Th w={column.width} className={className} aria-sort={direction} scope="col">
      <UnstyledButton className={classes.sort} onClick={() => onSort(direction === "ascending" ? `-${key}` : key)}>
        {column.header}
        <SortIcon size={14} aria-hidden opacity={direction === "none" ? 0.45 : 1} />
      </UnstyledButton>
    </Table.Th>
  );
}
