import { Button, Group, Menu, Select, Text } from "@mantine/core";
import {
  IconAddressBook,
  IconChevronDown,
  IconDownload,
  IconEraser,
  IconFileImport,
  IconForms,
  IconMailForward,
  IconPlus,
} from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { useCan } from "@/auth/guard";
import { BounceResetDialog } from "@/components/bounces/lazy";
import { Page } from "@/components/layout/page";
import { ListFilter } from "@/components/pickers/lists";
import { ColumnMenu } from "@/components/table/column-menu";
import { DataTable } from "@/components/table/data-table";
import { Pager } from "@/components/table/pager";
import { SearchBox } from "@/components/table/search-box";
import { LinkButton } from "@/components/ui/link-button";
import { EmptyState } from "@/components/ui/state-view";
import { useT } from "@/i18n";
import { useContactColumns } from "./columns";
import { DaysFilter } from "./days-filter";
import { useContactFields, useContacts } from "./queries";
import { type ContactSearch, isFiltered, statuses } from "./search";

// Dialogs come when they are opened.
const AddToListDialog = lazy(() => import("./add-to-list"));
const CreateContactDialog = lazy(() => import("./create"));
const ExportDialog = lazy(() => import("./export"));

interface Props {
  search: ContactSearch;
  onSearch: (change: Partial<ContactSearch>) => void;
}

export function ContactsScreen({ search, onSearch }: Props) {
  const t = useT();
  const canWrite = useCan("contacts.write");
  const canExport = useCan("contacts.export");
  const contacts = useContacts(search);
  const fields = useContactFields();
  const columns = useContactColumns(fields.data?.items ?? []);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [dialog, setDialog] = useState<"export" | "add_to_list" | "reset_some" | "reset_all" | null>(null);

  const standard = columns.filter((column) => !column.optional).map((column) => column.id);
  const visible = search.cols ?? standard;
  const shown = columns.filter((column) => visible.includes(column.id) || column.id === "email");
  // A new filter or order begins at the first page.
  const filter = (change: Partial<ContactSearch>) => onSearch({ cursor: undefined, ...change });
  const clear = { q: undefined, status: undefined, list: undefined, from: undefined, to: undefined };

  return (
    <Page
      title={t("nav.contacts")}
      actions={
        <>
          <Menu position="bottom-end">
            <Menu.Target>
              <Button variant="default" rightSection={<IconChevronDown size={14} />}>
                {t("contacts.more")}
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              {canExport ? (
                <Menu.Item leftSection={<IconDownload size={16} />} onClick={() => setDialog("export")}>
                  {t("exports.action")}
                </Menu.Item>
              ) : null}
              {canWrite ? (
                <Menu.Item leftSection={<IconMailForward size={16} />} onClick={() => setDialog("reset_all")}>
                  {t("bounces.reset")}
                </Menu.Item>
              ) : null}
              <MenuLinks canExport={canExport} canWrite={canWrite} />
            </Menu.Dropdown>
          </Menu>
          {canWrite ? (
            <>
              <LinkButton to="/contacts/imports/new" variant="default" leftSection={<IconFileImport size={16} />}>
                {t("contacts.import")}
              </LinkButton>
              <Button leftSection={<IconPlus size={16} />} onClick={() => onSearch({ create: true })}>
                {t("contacts.create")}
              </Button>
            </>
          ) : null}
        </>
      }
    >
      <Group gap="xs" mb="sm">
        <SearchBox
          label={t("contacts.search")}
          w={220}
          value={search.q ?? ""}
          onChange={(q) => filter({ q: q || undefined })}
        />
        <Select
          aria-label={t("contacts.status")}
          placeholder={t("contacts.status")}
          w={120}
          clearable
          clearButtonProps={{ "aria-label": t("picker.clear") }}
          data={statuses.map((status) => ({ value: status, label: t(`contact_status.${status}`) }))}
          value={search.status ?? null}
          onChange={(value) => filter({ status: (value as ContactSearch["status"]) ?? undefined })}
        />
        <ListFilter value={search.list} onChange={(list) => filter({ list })} />
        <DaysFilter from={search.from} to={search.to} onChange={filter} />
        <ColumnMenu
          columns={columns.filter((column) => column.id !== "email")}
          visible={visible}
          onChange={(cols) => onSearch({ cols: cols.join() === standard.join() ? undefined : cols })}
        />
        {isFiltered(search) ? (
          <Button variant="subtle" onClick={() => filter(clear)}>
            {t("table.clear_filters")}
          </Button>
        ) : null}
      </Group>

      {selected.size > 0 ? (
        <Group className="kb-panel" px="md" py={8} mb="sm" gap="sm">
          <Text size="sm" fw={600} aria-live="polite">
            {t("table.selected", { count: selected.size })}
          </Text>
          {canWrite ? (
            <>
              <Button size="xs" variant="default" onClick={() => setDialog("add_to_list")}>
                {t("contacts.add_to_list")}
              </Button>
              <Button size="xs" variant="default" onClick={() => setDialog("reset_some")}>
                {t("bounces.reset")}
              </Button>
            </>
          ) : null}
          <Button size="xs" variant="subtle" onClick={() => setSelected(new Set())}>
            {t("table.clear_selection")}
          </Button>
        </Group>
      ) : null}

      <div className="kb-panel">
        <DataTable
          caption={t("nav.contacts")}
          columns={shown}
          rows={contacts.data?.items}
          rowId={(row) => row.id}
          rowLabel={(row) => row.email}
          error={contacts.error}
          onRetry={() => void contacts.refetch()}
          busy={contacts.isPlaceholderData}
          sort={search.sort ?? "-created_at"}
          onSort={(sort) => filter({ sort: sort as ContactSearch["sort"] })}
          selected={selected}
          onSelect={canWrite ? setSelected : undefined}
          empty={
            isFiltered(search) ? (
              <EmptyState
                icon={IconAddressBook}
                title={t("table.no_match_title")}
                body={t("table.no_match_body")}
                action={
                  <Button variant="default" onClick={() => filter(clear)}>
                    {t("table.clear_filters")}
                  </Button>
                }
              />
            ) : (
              <EmptyState
                icon={IconAddressBook}
                title={t("contacts.empty_title")}
                body={t("contacts.empty_body")}
                action={
                  canWrite ? (
                    <LinkButton to="/contacts/imports/new" leftSection={<IconFileImport size={16} />}>
                      {t("contacts.import")}
                    </LinkButton>
                  ) : null
                }
              />
            )
          }
        />
        {contacts.data && contacts.data.items.length > 0 ? (
          <Pager
            cursor={search.cursor}
            nextCursor={contacts.data.next_cursor}
            total={contacts.data.total}
            shown={contacts.data.items.length}
            onCursor={(cursor) => onSearch({ cursor })}
          />
        ) : null}
      </div>

      <Suspense>
        {search.create && canWrite ? (
          <CreateContactDialog onClose={() => onSearch({ create: undefined })} fields={fields.data?.items ?? []} />
        ) : null}
        {dialog === "export" ? (
          <ExportDialog
            onClose={() => setDialog(null)}
            search={search}
            columns={columns}
            total={contacts.data?.total ?? null}
          />
        ) : null}
        {dialog === "reset_some" || dialog === "reset_all" ? (
          <BounceResetDialog
            onClose={() => setDialog(null)}
            contactIds={dialog === "reset_some" ? [...selected] : null}
            onDone={() => setSelected(new Set())}
          />
        ) : null}
        {dialog === "add_to_list" ? (
          <AddToListDialog
            onClose={() => setDialog(null)}
            contactIds={[...selected]}
            onDone={() => setSelected(new Set())}
          />
        ) : null}
      </Suspense>
    </Page>
  );
}

function MenuLinks(props: { canExport: boolean; canWrite: boolean }) {
  const t = useT();
  return (
    <>
      {props.canExport ? <MenuLink to="/contacts/exports" icon={IconDownload} label={t("exports.title")} /> : null}
      {props.canWrite ? <MenuLink to="/contacts/imports" icon={IconFileImport} label={t("imports.title")} /> : null}
      <MenuLink to="/contacts/fields" icon={IconForms} label={t("fields.title")} />
      {useCan("contacts.erase") ? (
        <MenuLink to="/contacts/erasures" icon={IconEraser} label={t("contacts.erasures")} />
      ) : null}
    </>
  );
}

function MenuLink(props: {
  to: "/contacts/exports" | "/contacts/imports" | "/contacts/fields" | "/contacts/erasures";
  icon: typeof IconDownload;
  label: string;
}) {
  return (
    <Menu.Item
      leftSection={<props.icon size={16} />}
      renderRoot={(rest: Record<string, unknown>) => <Link to={props.to} {...rest} />}
    >
      {props.label}
    </Menu.Item>
  );
}
