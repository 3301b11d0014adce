import { Text } from "@mantine/core";
import { IconEye } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { api } from "@/api/client";
import type { AccessEntry } from "@/api/types";
import { type Column, DataTable } from "@/components/table/data-table";
import { Pager } from "@/components/table/pager";
import { TextLink } from "@/components/ui/link-button";
import { EmptyState } from "@/components/ui/state-view";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { Filters } from "./filters";
import type { ScreenProps } from "./screen";
import { period } from "./search";
import { actorText, operationText } from "./text";
import { queryText } from "./values";

/** Who looked at people's data. */
export function Looks({ search, onSearch }: ScreenProps) {
  const t = useT();
  const format = useFormat();
  const query = api.useQuery(
    "get",
    "/v1/access-entries",
    {
      params: {
        query: { ...period(search, format.timeZone), actor_id: search.actor, cursor: search.cursor, limit: 50 },
      },
    },
    { placeholderData: keepPreviousData, retry: false },
  );
  const columns: Column<AccessEntry>[] = [
    { id: "at", header: t("audit.at"), numeric: true, width: 150, cell: (row) => format.dateTime(row.at) },
    { id: "actor", header: t("audit.person"), cell: (row) => actorText(row) },
    { id: "what", header: t("audit.looked_at"), cell: (row) => <Look look={row} /> },
    { id: "ip", header: t("audit.ip"), cell: (row) => row.ip ?? "–" },
  ];
  return (
    <>
      <Filters search={search} onSearch={onSearch} />
      <div className="kb-panel">
        <DataTable
          caption={t("audit.looks")}
          columns={columns}
          rows={query.data?.items}
          rowId={(row) => row.id}
          error={query.error}
          onRetry={() => void query.refetch()}
          busy={query.isPlaceholderData}
          empty={<EmptyState icon={IconEye} title={t("table.no_match_title")} body={t("table.no_match_body")} />}
        />
        {query.data && query.data.items.length > 0 ? (
          <Pager
            cursor={search.cursor}
            nextCursor={query.data.next_cursor}
            shown={query.data.items.length}
            onCursor={(cursor) => onSearch({ cursor })}
          />
        ) : null}
      </div>
    </>
  );
}

function Look({ look }: { look: AccessEntry }) {
  const t = useT();
  const format = useFormat();
  const text = operationText(look.operation);
  if (look.subject_kind === "contact" && look.subject_id) {
    return (
      <TextLink to="/contacts/$contactId" params={{ contactId: look.subject_id }} size="sm" underline="always">
        {text}
      </TextLink>
    );
  }
  if (!look.query) {
    return <Text size="sm">{text}</Text>;
  }
  const words = queryText(look.query, look.subject_kind ?? "", { format, lists: new Map() });
  return (
    <>
      <Text size="sm" style={{ overflowWrap: "anywhere" }}>
        {t("audit.actor_for", { kind: text, name: words })}
      </Text>
      <details>
        <Text component="summary" size="xs" c="dimmed" style={{ cursor: "pointer" }}>
          {t("audit.raw")}
        </Text>
        <Text size="xs" c="dimmed" className="kb-mono" style={{ overflowWrap: "anywhere" }}>
          {look.query}
        </Text>
      </details>
    </>
  );
}
