import { Button, Text } from "@mantine/core";
import { Panel } from "@/components/layout/page";
import { type Column, DataTable } from "@/components/table/data-table";
import { notifyProblem } from "@/components/ui/notify";
import { Status } from "@/components/ui/status";
import { useFormat } from "@/i18n/format";
import { api, type SupportGrant } from "./client";
import { go } from "./place";
import { useWords } from "./words";

/** What the company granted, and the way in while it lasts. */
export function Grants({ tenant }: { tenant: string }) {
  const w = useWords();
  const query = api.useQuery("get", "/v1/tenants/{id}/support-grants", { params: { path: { id: tenant } } });
  const open = api.useMutation("post", "/v1/tenants/{id}/support-sessions");
  const view = async (grant: SupportGrant) => {
    try {
      const session = await open.mutateAsync({ params: { path: { id: tenant } }, body: { grant_id: grant.id } });
      go({ screen: "support", id: tenant, support: session.id });
    } catch (cause) {
      notifyProblem(cause);
    }
  };
  return (
    <Panel title={w.grants} flush>
      <Text size="sm" c="dimmed" px="md" pb="sm">
        {w.grantsHelp}
      </Text>
      <DataTable
        caption={w.grants}
        columns={useColumns(open.isPending, view)}
        rows={query.data?.items}
        rowId={(row) => row.id}
        error={query.error}
        onRetry={() => void query.refetch()}
        empty={
          <Text size="sm" c="dimmed">
            {w.noGrants}
          </Text>
        }
      />
    </Panel>
  );
}

function useColumns(busy: boolean, view: (grant: SupportGrant) => Promise<void>): Column<SupportGrant>[] {
  const w = useWords();
  const format = useFormat();
  return [
    {
      id: "reason",
      header: w.reason,
      cell: (row) => (
        <Text size="sm" style={{ overflowWrap: "anywhere" }}>
          {row.reason}
        </Text>
      ),
    },
    {
      id: "permissions",
      header: w.visible,
      cell: (row) => row.permissions.map((name) => w.permissions[name] ?? name).join(" · "),
    },
    { id: "by", header: w.grantedBy, cell: (row) => row.granted_by },
    { id: "until", header: w.until, numeric: true, cell: (row) => format.dateTime(row.revoked_at ?? row.expires_at) },
    { id: "looks", header: w.looks, numeric: true, cell: (row) => format.number(row.looks) },
    {
      id: "state",
      header: w.state,
      cell: (row) => <Status tone={row.active ? "good" : "idle"} label={row.active ? w.active : w.over} />,
    },
    {
      id: "actions",
      header: w.view,
      actions: true,
      cell: (row) =>
        row.active ? (
          <Button size="compact-sm" variant="default" loading={busy} onClick={() => void view(row)}>
            {w.view}
          </Button>
        ) : null,
    },
  ];
}
