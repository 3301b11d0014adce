import { Text } from "@mantine/core";
import { IconRoute } from "@tabler/icons-react";
import { useState } from "react";
import { api, ifMatch } from "@/api/client";
import { refresh } from "@/api/query";
import type { Route } from "@/api/types";
import { useCan } from "@/auth/guard";
import { Page } from "@/components/layout/page";
import type { Column } from "@/components/table/data-table";
import { CreateButton, TablePanel, useEditColumn } from "@/components/table/table-panel";
import { ConfirmDialog } from "@/components/ui/confirm";
import { notifyDone } from "@/components/ui/notify";
import { Status } from "@/components/ui/status";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { RouteDialog } from "./route-form";

export function RoutesScreen() {
  const t = useT();
  const format = useFormat();
  const canWrite = useCan("settings.write");
  const [editing, setEditing] = useState<Route | "new" | null>(null);
  const [deleting, setDeleting] = useState<Route | null>(null);
  const query = api.useQuery("get", "/v1/routes", { params: { query: { limit: 200 } } }, { refetchInterval: 10_000 });
  const remove = api.useMutation("delete", "/v1/routes/{id}");
  const edit = useEditColumn<Route>({ nameOf: (row) => row.name, onEdit: setEditing, onDelete: setDeleting });
  const columns: Column<Route>[] = [
    {
      id: "name",
      header: t("common.name"),
      cell: (row) => (
        <Text size="sm" fw={500}>
          {row.name}
        </Text>
      ),
    },
    {
      id: "host",
      header: t("routes.host"),
      cell: (row) =>
        row.kind === "direct" ? (
          t("route_kind.direct_short")
        ) : (
          <span className="kb-mono">
            {row.host}:{row.port}
          </span>
        ),
    },
    {
      id: "security",
      header: t("routes.security"),
      cell: (row) => (row.security ? t(`route_security.${row.security}`) : "—"),
    },
    { id: "auth", header: t("routes.auth"), cell: (row) => (row.auth === "none" ? t("common.none") : row.username) },
    {
      id: "sign",
      header: t("routes.sign"),
      cell: (row) => (row.sign ? t("common.yes") : t("common.no")),
    },
    { id: "position", header: t("routes.position"), numeric: true, cell: (row) => format.number(row.position) },
    { id: "weight", header: t("routes.weight"), numeric: true, cell: (row) => format.number(row.weight) },
    {
      id: "sessions",
      header: t("routes.max_sessions"),
      numeric: true,
      cell: (row) => format.number(row.max_sessions),
    },
    {
      id: "enabled",
      header: t("routes.state"),
      cell: (row) => <RouteState route={row} />,
    },
    ...(canWrite ? [edit] : []),
  ];
  const create = canWrite ? <CreateButton label={t("routes.create")} onClick={() => setEditing("new")} /> : null;
  return (
    <Page title={t("nav.routes")} description={t("routes.description")} actions={create}>
      <TablePanel
        caption={t("nav.routes")}
        columns={columns}
        query={query}
        empty={{ icon: IconRoute, title: t("routes.empty_title"), body: t("routes.empty_body"), action: create }}
      />
      {editing ? <RouteDialog route={editing === "new" ? null : editing} onClose={() => setEditing(null)} /> : null}
      <ConfirmDialog
        opened={deleting !== null}
        onClose={() => setDeleting(null)}
        title={t("routes.delete_title")}
        confirm={t("common.delete")}
        danger
        onConfirm={async () => {
          if (deleting) {
            await remove.mutateAsync({ params: { path: { id: deleting.id }, header: ifMatch(deleting.version) } });
            await refresh("/v1/routes", "/v1/summary");
            notifyDone(t("common.deleted"));
          }
        }}
      >
        <Text>{t("routes.delete_body", { name: deleting?.name ?? "" })}</Text>
      </ConfirmDialog>
    </Page>
  );
}

/** Enabled or not; for one that does not answer also since when, and what it said. */
function RouteState({ route }: { route: Route }) {
  const t = useT();
  const format = useFormat();
  if (!route.enabled) {
    return <Status tone="idle" label={t("routes.disabled")} />;
  }
  if (!route.health?.down) {
    return <Status tone="good" label={t("routes.enabled")} />;
  }
  return (
    <div style={{ maxWidth: 280 }}>
      <Status tone="bad" label={`${t("routes.down")} (${format.ago(route.health.failed_at)})`} />
      <Text size="xs" c="dimmed" lineClamp={2} style={{ overflowWrap: "anywhere" }}>
        {route.health.error}
      </Text>
    </div>
  );
}
