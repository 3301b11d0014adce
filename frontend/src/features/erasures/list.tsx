import { Button, Text } from "@mantine/core";
import { IconCertificate, IconEraser } from "@tabler/icons-react";
import { useState } from "react";
import { api, inBackground } from "@/api/client";
import type { Erasure } from "@/api/types";
import { EraseDialog } from "@/components/erasure/erase-dialog";
import { Page } from "@/components/layout/page";
import { type Column, DataTable } from "@/components/table/data-table";
import { Pager } from "@/components/table/pager";
import { EmptyState } from "@/components/ui/state-view";
import { Status, type Tone } from "@/components/ui/status";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { CertificateDialog } from "./certificate";

const tones: Record<Erasure["state"], Tone> = { running: "info", waiting: "idle", done: "good" };

export function ErasuresScreen(props: { cursor?: string; onCursor: (cursor: string | undefined) => void }) {
  const t = useT();
  const format = useFormat();
  const [erasing, setErasing] = useState(false);
  const [shown, setShown] = useState<Erasure | null>(null);
  const query = api.useQuery(
    "get",
    "/v1/erasures",
    { params: { query: { cursor: props.cursor } }, ...inBackground },
    { refetchInterval: ({ state }) => (state.data?.items.some((row) => row.state === "running") ? 2_000 : false) },
  );
  const columns: Column<Erasure>[] = [
    {
      id: "subject",
      header: t("erasures.subject"),
      cell: (row) => (
        <Text size="sm" fw={500} c={row.address ? undefined : "dimmed"}>
          {row.address ?? t("erasures.nobody")}
        </Text>
      ),
    },
    {
      id: "state",
      header: t("erasures.state"),
      cell: (row) => (
        <Status
          tone={tones[row.state]}
          label={t(`erasures.state_${row.state}`, { date: row.ledger_until ? format.date(row.ledger_until) : "" })}
        />
      ),
    },
    {
      id: "note",
      header: t("suppressions.note"),
      cell: (row) => (
        <Text size="sm" c="dimmed" lineClamp={1}>
          {row.note || "–"}
        </Text>
      ),
    },
    {
      id: "at",
      header: t("erasures.requested_at"),
      numeric: true,
      cell: (row) => format.dateTime(row.requested_at),
    },
    {
      id: "certificate",
      header: t("erasures.certificate"),
      width: 170,
      cell: (row) =>
        row.certificate ? (
          <Button size="xs" variant="default" leftSection={<IconCertificate size={14} />} onClick={() => setShown(row)}>
            {t("erasures.show")}
          </Button>
        ) : (
          "–"
        ),
    },
  ];
  return (
    <Page
      title={t("erasures.title")}
      description={t("erasures.description")}
      trail={[{ label: t("nav.contacts"), to: "/contacts" }]}
      actions={
        <Button leftSection={<IconEraser size={16} />} onClick={() => setErasing(true)}>
          {t("erasures.create")}
        </Button>
      }
    >
      <div className="kb-panel">
        <DataTable
          caption={t("erasures.title")}
          columns={columns}
          rows={query.data?.items}
          rowId={(row) => row.id}
          error={query.error}
          onRetry={() => void query.refetch()}
          empty={<EmptyState icon={IconEraser} title={t("erasures.empty_title")} body={t("erasures.empty_body")} />}
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
      {erasing ? <EraseDialog onClose={() => setErasing(false)} /> : null}
      {shown?.certificate ? <CertificateDialog certificate={shown.certificate} onClose={() => setShown(null)} /> : null}
    </Page>
  );
}
