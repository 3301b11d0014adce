import { Button, Text } from "@mantine/core";
import { useState } from "react";
import { api } from "@/api/client";
import { refresh } from "@/api/query";
import type { SendSlowdown } from "@/api/types";
import { useCan } from "@/auth/guard";
import { siteName } from "@/components/delivery/sites";
import { Panel } from "@/components/layout/page";
import { type Column, DataTable } from "@/components/table/data-table";
import { ConfirmDialog } from "@/components/ui/confirm";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";

/** Sites that asked for less, what they said, and how they recover. */
export function Slowdowns() {
  const t = useT();
  const canWrite = useCan("settings.write");
  const [lifting, setLifting] = useState<SendSlowdown | null>(null);
  const query = api.useQuery(
    "get",
    "/v1/send-slowdowns",
    { params: { query: { limit: 200 } } },
    { refetchInterval: 10_000 },
  );
  const lift = api.useMutation("delete", "/v1/send-slowdowns/{id}");
  return (
    <Panel title={t("limits.slow")} flush>
      <Text size="sm" c="dimmed" px="md" pb="sm">
        {t("limits.slow_help")}
      </Text>
      <DataTable
        caption={t("limits.slow")}
        columns={useColumns(canWrite ? setLifting : null)}
        rows={query.data?.items}
        rowId={(row) => row.id}
        error={query.error}
        onRetry={() => void query.refetch()}
        empty={
          <Text size="sm" c="dimmed">
            {t("limits.slow_none")}
          </Text>
        }
      />
      <ConfirmDialog
        opened={lifting !== null}
        onClose={() => setLifting(null)}
        title={t("limits.lift_title")}
        confirm={t("limits.lift")}
        onConfirm={async () => {
          if (lifting) {
            await lift.mutateAsync({ params: { path: { id: lifting.id } } });
            await refresh("/v1/send-slowdowns");
            notifyDone(t("limits.lifted"));
          }
        }}
      >
        <Text>{t("limits.lift_body", { what: lifting ? siteName(lifting.site) : "" })}</Text>
      </ConfirmDialog>
    </Panel>
  );
}

function useColumns(onLift: ((row: SendSlowdown) => void) | null): Column<SendSlowdown>[] {
  const t = useT();
  const format = useFormat();
  const columns: Column<SendSlowdown>[] = [
    {
      id: "site",
      header: t("limits.site"),
      cell: (row) => (
        <Text size="sm" fw={500} style={{ overflowWrap: "anywhere" }}>
          {siteName(row.site)}
        </Text>
      ),
    },
    { id: "sender_domain", header: t("limits.sender_domain"), cell: (row) => row.sender_domain },
    { id: "route", header: t("limits.route"), cell: (row) => row.route_name },
    {
      id: "per_minute",
      header: t("limits.per_minute"),
      numeric: true,
      cell: (row) =>
        Date.parse(row.rests_until) > Date.now()
          ? t("limits.rests_until", { at: format.dateTime(row.rests_until) })
          : format.number(row.per_minute),
    },
    { id: "reason", header: t("limits.slow_reason"), cell: (row) => <Reason row={row} /> },
    { id: "times", header: t("limits.slow_times"), numeric: true, cell: (row) => format.number(row.times) },
    { id: "slowed_at", header: t("limits.slow_at"), cell: (row) => format.ago(row.slowed_at) },
  ];
  return onLift
    ? [
        ...columns,
        {
          id: "actions",
          header: t("common.menu"),
          actions: true,
          width: 90,
          cell: (row) => (
            <Button
              size="compact-sm"
              variant="default"
              aria-label={`${t("limits.lift")}: ${siteName(row.site)}`}
              onClick={() => onLift(row)}
            >
              {t("limits.lift")}
            </Button>
          ),
        },
      ]
    : columns;
}

/** What it means, and the site's own words. */
function Reason({ row }: { row: SendSlowdown }) {
  const t = useT();
  return (
    <div style={{ maxWidth: 320 }}>
      <Text size="sm">{t(`meaning.${row.meaning}`)}</Text>
      <Text size="xs" c="dimmed" lineClamp={2} style={{ overflowWrap: "anywhere" }}>
        {row.reply_code} {row.reply_text}
      </Text>
    </div>
  );
}
