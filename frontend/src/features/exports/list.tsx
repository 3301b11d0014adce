import { Button, Text } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { api, inBackground } from "@/api/client";
import type { Export } from "@/api/types";
import { isOver } from "@/components/jobs/use-job";
import { Page } from "@/components/layout/page";
import { type Column, DataTable } from "@/components/table/data-table";
import { Pager } from "@/components/table/pager";
import { LinkButton } from "@/components/ui/link-button";
import { notifyProblem } from "@/components/ui/notify";
import { EmptyState } from "@/components/ui/state-view";
import { Status, type Tone } from "@/components/ui/status";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { download } from "@/lib/download";

const tones: Record<Export["state"], Tone> = {
  queued: "idle",
  running: "info",
  succeeded: "good",
  failed: "bad",
  cancelled: "idle",
};

export function ExportsScreen(props: { cursor?: string; onCursor: (cursor: string | undefined) => void }) {
  const t = useT();
  const format = useFormat();
  const query = api.useQuery(
    "get",
    "/v1/exports",
    { params: { query: { cursor: props.cursor } }, ...inBackground },
    { refetchInterval: ({ state }) => (state.data?.items.some((item) => !isOver(item)) ? 2_000 : false) },
  );
  const columns: Column<Export>[] = [
    { id: "filename", header: t("exports.file"), cell: (row) => row.filename },
    {
      id: "state",
      header: t("exports.state"),
      cell: (row) => <Status tone={tones[row.state]} label={t(`job.${row.state}`)} />,
    },
    {
      id: "rows",
      header: t("exports.rows"),
      numeric: true,
      cell: (row) => (row.rows == null ? "–" : format.number(row.rows)),
    },
    {
      id: "replaced",
      header: t("exports.replaced"),
      numeric: true,
      cell: (row) => (row.replaced_characters ? format.number(row.replaced_characters) : "–"),
    },
    { id: "at", header: t("exports.created_at"), numeric: true, cell: (row) => format.dateTime(row.created_at) },
    {
      id: "file",
      header: t("exports.download"),
      width: 150,
      cell: (row) =>
        row.state === "succeeded" && row.size == null ? (
          <Text size="sm" c="dimmed">
            {t("exports.expired")}
          </Text>
        ) : row.state === "succeeded" ? (
          <Button
            size="xs"
            variant="default"
            leftSection={<IconDownload size={14} />}
            aria-label={`${t("exports.download")}: ${row.filename}`}
            onClick={() => void download(`/v1/exports/${row.id}/file`, row.filename).catch(notifyProblem)}
          >
            {t("exports.download")}
          </Button>
        ) : null,
    },
  ];
  return (
    <Page
      title={t("exports.title")}
      description={t("exports.description")}
      trail={[{ label: t("nav.contacts"), to: "/contacts" }]}
    >
      <div className="kb-panel">
        <DataTable
          caption={t("exports.title")}
          columns={columns}
          rows={query.data?.items}
          rowId={(row) => row.id}
          error={query.error}
          onRetry={() => void query.refetch()}
          empty={
            <EmptyState
              icon={IconDownload}
              title={t("exports.empty_title")}
              body={t("exports.empty_body")}
              action={
                <LinkButton to="/contacts" variant="default">
                  {t("nav.contacts")}
                </LinkButton>
              }
            />
          }
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
