import { Button, Text } from "@mantine/core";
import { IconDeviceDesktop } from "@tabler/icons-react";
import { useState } from "react";
import { api } from "@/api/client";
import { refresh } from "@/api/query";
import type { SessionRow } from "@/api/types";
import { session } from "@/auth/session";
import { Page } from "@/components/layout/page";
import { type Column, DataTable } from "@/components/table/data-table";
import { ConfirmDialog } from "@/components/ui/confirm";
import { notifyDone, notifyProblem } from "@/components/ui/notify";
import { EmptyState } from "@/components/ui/state-view";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { describeDevice } from "./device";

export function SessionsScreen() {
  const t = useT();
  const format = useFormat();
  const query = api.useQuery("get", "/v1/sessions");
  const end = api.useMutation("delete", "/v1/sessions/{id}");
  const endOthers = api.useMutation("delete", "/v1/sessions");
  const [asking, setAsking] = useState<SessionRow | "others" | null>(null);
  const nameOf = (row: SessionRow) => describeDevice(row.user_agent ?? "") ?? t("sessions.unknown_device");
  const stop = async () => {
    if (asking === "others") {
      await endOthers.mutateAsync({});
    } else if (asking) {
      await end.mutateAsync({ params: { path: { id: asking.id } } });
    }
    await refresh("/v1/sessions");
    notifyDone(t(asking === "others" ? "sessions.others_ended" : "sessions.ended"));
  };
  const columns: Column<SessionRow>[] = [
    {
      id: "device",
      header: t("sessions.device"),
      cell: (row) => (
        <Text size="sm" fw={500}>
          {nameOf(row)}
          {row.current ? t("common.in_brackets", { text: t("sessions.current") }) : ""}
        </Text>
      ),
    },
    { id: "ip", header: t("sessions.ip"), cell: (row) => row.ip ?? "–" },
    { id: "begun", header: t("sessions.created_at"), numeric: true, cell: (row) => format.dateTime(row.created_at) },
    { id: "last", header: t("sessions.last_active_at"), numeric: true, cell: (row) => format.ago(row.last_active_at) },
    {
      id: "actions",
      header: t("common.menu"),
      actions: true,
      width: 140,
      cell: (row) => (
        <Button
          size="compact-xs"
          variant="default"
          onClick={() => (row.current ? void session.logout().catch(notifyProblem) : setAsking(row))}
        >
          {t(row.current ? "auth.sign_out" : "sessions.end")}
        </Button>
      ),
    },
  ];
  return (
    <Page
      title={t("nav.sessions")}
      description={t("sessions.description")}
      narrow
      actions={
        (query.data?.items.length ?? 0) > 1 ? (
          <Button variant="default" onClick={() => setAsking("others")}>
            {t("sessions.end_others")}
          </Button>
        ) : undefined
      }
    >
      <div className="kb-panel">
        <DataTable
          caption={t("nav.sessions")}
          columns={columns}
          rows={query.data?.items}
          rowId={(row) => row.id}
          error={query.error}
          onRetry={() => void query.refetch()}
          empty={
            <EmptyState icon={IconDeviceDesktop} title={t("table.no_match_title")} body={t("sessions.description")} />
          }
        />
      </div>
      <Text size="xs" c="dimmed" mt="sm">
        {t("sessions.place_help")}
      </Text>
      <ConfirmDialog
        opened={asking !== null}
        onClose={() => setAsking(null)}
        title={t(asking === "others" ? "sessions.end_others" : "sessions.end")}
        confirm={t("sessions.end")}
        danger
        onConfirm={stop}
      >
        <Text size="sm">
          {asking && asking !== "others"
            ? t("sessions.end_body", { device: nameOf(asking) })
            : t("sessions.end_others_body")}
        </Text>
      </ConfirmDialog>
    </Page>
  );
}
