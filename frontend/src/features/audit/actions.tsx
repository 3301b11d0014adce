import { Select, Text, UnstyledButton } from "@mantine/core";
import { IconHistory } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { api } from "@/api/client";
import type { AuditEntry } from "@/api/types";
import { type Column, DataTable } from "@/components/table/data-table";
import { Pager } from "@/components/table/pager";
import { SearchBox } from "@/components/table/search-box";
import { SidePanel } from "@/components/ui/dialog";
import { EmptyState } from "@/components/ui/state-view";
import { translateCode, useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { auditActions, auditSubjects } from "./codes";
import { EntryDetail } from "./detail";
import { Filters } from "./filters";
import type { ScreenProps } from "./screen";
import { auditQuery } from "./search";
import { actionText, actorText, kindText } from "./text";

export function Actions({ search, onSearch }: ScreenProps) {
  const t = useT();
  const format = useFormat();
  const query = api.useQuery(
    "get",
    "/v1/audit-entries",
    { params: { query: { ...auditQuery(search, format.timeZone), cursor: search.cursor, limit: 50 } } },
    { placeholderData: keepPreviousData, retry: false },
  );
  const narrow = (change: Partial<typeof search>) => onSearch({ ...change, cursor: undefined });
  // A page looks through so many entries for words: it may be empty and still not be the last.
  const goesOn = Boolean(query.data?.next_cursor);
  return (
    <>
      <Filters search={search} onSearch={onSearch}>
        <Select
          label={t("audit.action")}
          placeholder={t("audit.all")}
          data={auditActions.map((action) => ({ value: action, label: actionText(action) }))}
          value={search.action ?? null}
          searchable
          clearable
          w={260}
          onChange={(action) => narrow({ action: action ?? undefined })}
        />
        <Select
          label={t("audit.subject")}
          placeholder={t("audit.all")}
          data={auditSubjects.map((kind) => ({ value: kind, label: translateCode("audit_subject", kind) }))}
          value={search.kind ?? null}
          searchable
          clearable
          onChange={(kind) => narrow({ kind: kind ?? undefined })}
        />
        <SearchBox label={t("audit.words")} value={search.q ?? ""} onChange={(q) => narrow({ q: q || undefined })} />
      </Filters>
      <div className="kb-panel">
        <DataTable
          caption={t("audit.actions")}
          columns={columns(t, format, (id) => onSearch({ open: id }))}
          rows={query.data?.items}
          rowId={(row) => row.id}
          error={query.error}
          onRetry={() => void query.refetch()}
          busy={query.isPlaceholderData}
          empty={
            <EmptyState
              icon={IconHistory}
              title={t("table.no_match_title")}
              body={t(goesOn ? "audit.search_on" : "table.no_match_body")}
            />
          }
        />
        {query.data && (query.data.items.length > 0 || goesOn || search.cursor) ? (
          <Pager
            cursor={search.cursor}
            nextCursor={query.data.next_cursor}
            shown={query.data.items.length}
            onCursor={(cursor) => onSearch({ cursor })}
          />
        ) : null}
      </div>
      <SidePanel
        opened={search.open !== undefined}
        onClose={() => onSearch({ open: undefined })}
        title={t("common.details")}
        position="right"
        size="lg"
      >
        {search.open ? <EntryDetail id={search.open} /> : null}
      </SidePanel>
    </>
  );
}

function columns(
  t: ReturnType<typeof useT>,
  format: ReturnType<typeof useFormat>,
  onOpen: (id: string) => void,
): Column<AuditEntry>[] {
  return [
    { id: "at", header: t("audit.at"), numeric: true, width: 150, cell: (row) => format.dateTime(row.at) },
    { id: "actor", header: t("audit.person"), cell: (row) => actorText(row) },
    {
      id: "action",
      header: t("audit.action"),
      cell: (row) => (
        <UnstyledButton onClick={() => onOpen(row.id)}>
          <Text size="sm" fw={500} td="underline">
            {actionText(row.action)}
          </Text>
        </UnstyledButton>
      ),
    },
    {
      id: "subject",
      header: t("audit.subject"),
      cell: (row) => (
        <Text size="sm" style={{ overflowWrap: "anywhere" }}>
          {row.subject_name ? `${kindText(row.subject_kind)}: ${row.subject_name}` : kindText(row.subject_kind)}
        </Text>
      ),
    },
    { id: "ip", header: t("audit.ip"), cell: (row) => row.ip ?? "–" },
  ];
}
