import { Button, Text } from "@mantine/core";
import { IconDeviceDesktop } from "@tabler/icons-react";
import { api } from "@/api/client";
import { refresh } from "@/api/query";
import type { SessionRow } from "@/api/types";
import { session } from "@/auth/session";
import { Page } from "@/components/layout/page";
import { type Column, DataTable } from "@/components/table/data-table";
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
  const stopOthers = async () => {
    try {
      await endOthers.mutateAsync({});
      await refresh("/v1/sessions");
      notifyDone(t("sessions.others_ended"));
    } catch (cause) {
      notifyProblem(cause);
    }
  };
  const stop = async (row: SessionRow) => {
    try {
      if (row.current) {
        await session.logout();
        return;
      }
      await end.mutateAsync({ params: { path: { id: row.id } } });
      await refresh("/v1/sessions");
      notifyDone(t("sessions.ended"));
    } catch (cause) {
      notifyProblem(cause);
    }
  };
  const columns: Column<SessionRow>[] = [
    {
      id: "device",
      header: t("sessions.device"),
      cell: (row) => (
        <Text size="sm" fw={500}>
          {describeDevice(row.user_agent ?? "") ?? t("sessions.unknown_device")}
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
        <Button size="compact-xs" variant="default" loading={end.isPending} onClick={() => void stop(row)}>
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
          <Button variant="default" loading={endOthers.isPending} onClick={() => void stopOthers()}>
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
    </Page>
  );
}
