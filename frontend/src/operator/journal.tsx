import { Text } from "@mantine/core";
import { useState } from "react";
import { Page } from "@/components/layout/page";
import { type Column, DataTable } from "@/components/table/data-table";
import { Pager } from "@/components/table/pager";
import { useFormat } from "@/i18n/format";
import { api, type JournalEntry } from "./client";
import { useActionText, useDetailName, useStaffName } from "./journal-words";
import { useWords } from "./words";

export function JournalScreen() {
  const w = useWords();
  return (
    <Page title={w.journal} description={w.journalHelp}>
      <div className="kb-panel">
        <JournalTable />
      </div>
    </Page>
  );
}

/** "reason: end of contract, …": for reading, not for machines. */
function detailText(detail: JournalEntry["detail"], nameOf: (name: string) => string): string {
  const parts = Object.entries(detail ?? {}).map(
    ([name, value]) => `${nameOf(name)}: ${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return parts.join(", ") || "–";
}

/** What staff did, with one company or with all. */
export function JournalTable({ tenant }: { tenant?: string }) {
  const w = useWords();
  const [cursor, setCursor] = useState<string>();
  const query = api.useQuery("get", "/v1/audit", { params: { query: { tenant_id: tenant, cursor } } });
  return (
    <>
      <DataTable
        caption={w.journal}
        columns={useColumns(tenant === undefined)}
        rows={query.data?.items}
        rowId={(row) => row.id}
        error={query.error}
        onRetry={() => void query.refetch()}
        empty={
          <Text size="sm" c="dimmed">
            {w.empty}
          </Text>
        }
      />
      {query.data && query.data.items.length > 0 ? (
        <Pager
          cursor={cursor}
          nextCursor={query.data.next_cursor}
          shown={query.data.items.length}
          onCursor={setCursor}
        />
      ) : null}
    </>
  );
}

function useColumns(all: boolean): Column<JournalEntry>[] {
  const w = useWords();
  const format = useFormat();
  const actionText = useActionText();
  const detailName = useDetailName();
  const staffName = useStaffName();
  return [
    { id: "at", header: w.when, width: 150, cell: (row) => format.dateTime(row.at) },
    { id: "who", header: w.who, cell: (row) => staffName(row.operator) },
    { id: "what", header: w.what, cell: (row) => <span title={row.action}>{actionText(row.action)}</span> },
    ...(all ? [{ id: "name", header: w.name, cell: (row: JournalEntry) => row.tenant_name ?? "–" }] : []),
    {
      id: "detail",
      header: w.detail,
      cell: (row) => (
        <Text size="xs" c="dimmed" className="kb-mono" lineClamp={2} style={{ overflowWrap: "anywhere" }}>
          {detailText(row.detail, detailName)}
        </Text>
      ),
    },
    { id: "ip", header: w.where, cell: (row) => row.ip ?? "–" },
  ];
}
