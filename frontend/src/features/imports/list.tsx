import { IconFileImport } from "@tabler/icons-react";
import { api } from "@/api/client";
import type { Import } from "@/api/types";
import { Page } from "@/components/layout/page";
import { type Column, DataTable } from "@/components/table/data-table";
import { Pager } from "@/components/table/pager";
import { LinkButton, TextLink } from "@/components/ui/link-button";
import { EmptyState } from "@/components/ui/state-view";
import { Status, type Tone } from "@/components/ui/status";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";

const tones: Record<Import["state"], Tone> = {
  uploaded: "idle",
  checking: "info",
  checked: "info",
  running: "info",
  done: "good",
  failed: "bad",
  cancelled: "idle",
};

export function ImportsScreen(props: { cursor?: string; onCursor: (cursor: string | undefined) => void }) {
  const t = useT();
  const format = useFormat();
  const query = api.useQuery("get", "/v1/imports", { params: { query: { cursor: props.cursor } } });
  const number = (value: number | undefined) => (value === undefined ? "–" : format.number(value));
  const columns: Column<Import>[] = [
    {
      id: "filename",
      header: t("imports.file"),
      cell: (row) => (
        <TextLink to="/contacts/imports/$importId" params={{ importId: row.id }} size="sm" fw={500}>
          {row.filename}
        </TextLink>
      ),
    },
    {
      id: "state",
      header: t("contacts.status"),
      cell: (row) => <Status tone={tones[row.state]} label={t(`import_state.${row.state}`)} />,
    },
    { id: "added", header: t("import_count.added"), numeric: true, cell: (row) => number(row.counts?.added) },
    { id: "updated", header: t("import_count.updated"), numeric: true, cell: (row) => number(row.counts?.updated) },
    { id: "rejected", header: t("import_count.rejected"), numeric: true, cell: (row) => number(row.counts?.rejected) },
    { id: "at", header: t("imports.created_at"), numeric: true, cell: (row) => format.dateTime(row.created_at) },
  ];
  const start = (
    <LinkButton to="/contacts/imports/new" leftSection={<IconFileImport size={16} />}>
      {t("imports.new")}
    </LinkButton>
  );
  return (
    <Page title={t("imports.title")} trail={[{ label: t("nav.contacts"), to: "/contacts" }]} actions={start}>
      <div className="kb-panel">
        <DataTable
          caption={t("imports.title")}
          columns={columns}
          rows={query.data?.items}
          rowId={(row) => row.id}
          error={query.error}
          onRetry={() => void query.refetch()}
          empty={<EmptyState icon={IconFileImport} title={t("imports.empty_title")} body={t("imports.empty_body")} />}
        />
        {query.data && query.data.items.length > 0 ? (
          <Pager
            cursor={props.cursor}
            nextCursor={query.data.next_cursor}
            shown={query.data.items.length}
            onCursor={props.onCursor}
          />
        ) : null}
      </div>
    </Page>
  );
}
