import { Alert, Anchor, Button, Group, Tabs, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import i18next from "i18next";
import { useState } from "react";
import { Page } from "@/components/layout/page";
import { type Column, DataTable } from "@/components/table/data-table";
import { Pager } from "@/components/table/pager";
import { DefinitionList } from "@/components/ui/definition";
import { SidePanel } from "@/components/ui/dialog";
import { notifyProblem } from "@/components/ui/notify";
import { QueryView } from "@/components/ui/state-view";
import { api } from "./client";
import { go } from "./place";
import { operatorSession } from "./session";
import { useWords, type Words } from "./words";

type Row = Record<string, unknown>;
interface Found {
  items: Row[];
  next_cursor: string | null;
}

/** What can be looked at: the path behind the support session, and the fields of its list. */
interface View {
  name: (w: Words) => string;
  path: string;
  /** Field, its header, and how the keys of its codes' words begin. */
  fields: readonly (readonly [string, (w: Words) => string, string?])[];
  /** Without it the view is not offered. */
  permission: string;
  /** Whether one of them can be opened by its id. */
  one: boolean;
}

const named = ["name", (w: Words) => w.itemName] as const;

export const views: Record<string, View> = {
  contacts: {
    name: (w) => w.contacts,
    path: "contacts",
    fields: [["email", (w) => w.email], named, ["status", (w) => w.state, "contact_status."]],
    one: true,
    permission: "contacts.read",
  },
  lists: { name: (w) => w.lists, path: "lists", fields: [named], one: true, permission: "contacts.read" },
  suppressions: {
    name: (w) => w.suppressions,
    path: "suppressions",
    fields: [
      ["value", (w) => w.email],
      ["reason", (w) => w.reason, "suppression_reason."],
    ],
    one: false,
    permission: "contacts.read",
  },
  campaigns: {
    name: (w) => w.permissions["campaigns.read"] ?? "",
    path: "campaigns",
    fields: [named, ["state", (w) => w.state, "campaign_state."]],
    one: true,
    permission: "campaigns.read",
  },
  sequences: {
    name: (w) => w.sequences,
    path: "sequences",
    fields: [named, ["state", (w) => w.state, "sequences.state_"]],
    one: true,
    permission: "campaigns.read",
  },
  mails: {
    name: (w) => w.permissions["mails.read"] ?? "",
    path: "mails",
    fields: [named, ["subject", (w) => w.subject]],
    one: true,
    permission: "mails.read",
  },
  domains: {
    name: (w) => w.domains,
    path: "sender-domains",
    fields: [["domain", (w) => w.domains]],
    one: true,
    permission: "settings.read",
  },
  settings: { name: (w) => w.settings, path: "tenant", fields: [], one: false, permission: "settings.read" },
};

/** Reads under a grant; a refusal (revoked, over, not granted) is shown as it comes. */
async function look<T>(base: string, path: string): Promise<T> {
  const response = await operatorSession.fetch(new Request(`${window.location.origin}${base}/${path}`));
  const body: unknown = await response.json();
  if (!response.ok) {
    throw body;
  }
  return body as T;
}

/** A company's data under its grant: reading only. */
export function SupportScreen({ id, support }: { id: string; support: string }) {
  const w = useWords();
  const [chosen, setView] = useState<string | null>(null);
  const grants = api.useQuery("get", "/v1/tenants/{id}/support-grants", { params: { path: { id } } });
  const granted = grants.data?.items.filter((grant) => grant.active).flatMap((grant) => grant.permissions);
  const offered = Object.entries(views).filter(([, { permission }]) => granted?.includes(permission));
  const view = chosen ?? offered[0]?.[0] ?? null;
  const tenant = api.useQuery("get", "/v1/tenants/{id}", { params: { path: { id } } });
  const close = api.useMutation("delete", "/v1/tenants/{id}/support-sessions/{support}");
  const leave = async () => {
    await close.mutateAsync({ params: { path: { id, support } } }).catch(notifyProblem);
    go({ screen: "tenant", id });
  };
  const base = `/v1/support/${id}/${support}`;
  return (
    <Page
      title={tenant.data?.tenant.name ?? w.view}
      actions={
        <Button variant="default" loading={close.isPending} onClick={() => void leave()}>
          {w.leave}
        </Button>
      }
    >
      <Alert color="yellow" variant="light" mb="sm">
        <Text size="sm">{w.viewing}</Text>
      </Alert>
      <Tabs value={view} onChange={setView} keepMounted={false}>
        <Tabs.List mb="sm">
          {offered.map(([key, { name }]) => (
            <Tabs.Tab key={key} value={key}>
              {name(w)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {offered.map(([key, shown]) => (
          <Tabs.Panel key={key} value={key}>
            {shown.fields.length > 0 ? (
              <ListView base={base} view={shown} />
            ) : (
              <OneView base={base} path={shown.path} />
            )}
          </Tabs.Panel>
        ))}
      </Tabs>
    </Page>
  );
}

/** A code in words; one that has none as it is. */
function wordOf(keys: string, code: string): string {
  const key = `${keys}${code}`;
  return i18next.exists(key) ? i18next.t(key) : code;
}

function ListView({ base, view }: { base: string; view: View }) {
  const w = useWords();
  const [cursor, setCursor] = useState<string>();
  const [open, setOpen] = useState<string | null>(null);
  const path = `${view.path}?limit=50${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`;
  const query = useQuery({
    queryKey: ["support", `${base}/${path}`],
    queryFn: () => look<Found>(base, path),
    gcTime: 0,
  });
  const columns: Column<Row>[] = view.fields.map(([field, header, codes], at) => ({
    id: field,
    header: header(w),
    cell: (row) =>
      at === 0 && view.one ? (
        <Anchor component="button" type="button" ta="left" onClick={() => setOpen(String(row.id))}>
          {text(row[field])}
        </Anchor>
      ) : codes ? (
        wordOf(codes, text(row[field]))
      ) : (
        text(row[field])
      ),
  }));
  return (
    <div className="kb-panel">
      <DataTable
        caption={view.name(w)}
        columns={columns}
        rows={query.data?.items}
        rowId={(row) => String(row.id)}
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
      <SidePanel
        opened={open !== null}
        onClose={() => setOpen(null)}
        title={w.detail}
        size="lg"
        closeButtonProps={{ "aria-label": w.close }}
      >
        {open ? <OneView base={base} path={`${view.path}/${open}`} /> : null}
      </SidePanel>
    </div>
  );
}

function OneView({ base, path }: { base: string; path: string }) {
  const query = useQuery({ queryKey: ["support", `${base}/${path}`], queryFn: () => look<Row>(base, path), gcTime: 0 });
  return (
    <QueryView query={query}>
      {(row) => (
        <Group align="flex-start" className="kb-panel" p="md">
          <DefinitionList items={Object.entries(row).map(([name, value]) => [name, text(value)] as const)} />
        </Group>
      )}
    </QueryView>
  );
}

/** A value as it can be read; what is inside of an object stays as the API wrote it. */
export function text(value: unknown): string {
  if (value === null || value === undefined || value === "") {
    return "–";
  }
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
