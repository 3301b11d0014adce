import { Alert, Anchor, Button, Drawer, Group, Tabs, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Page } from "@/components/layout/page";
import { type Column, DataTable } from "@/components/table/data-table";
import { Pager } from "@/components/table/pager";
import { DefinitionList } from "@/components/ui/definition";
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
  fields: readonly (readonly [string, (w: Words) => string])[];
  /** Whether one of them can be opened by its id. */
  one: boolean;
}

const named = ["name", (w: Words) => w.name] as const;
const state = ["state", (w: Words) => w.state] as const;

export const views: Record<string, View> = {
  contacts: {
    name: (w) => w.contacts,
    path: "contacts",
    fields: [["email", (w) => w.email], named, ["status", (w) => w.state]],
    one: true,
  },
  lists: { name: (w) => w.lists, path: "lists", fields: [named], one: true },
  suppressions: {
    name: (w) => w.suppressions,
    path: "suppressions",
    fields: [
      ["value", (w) => w.email],
      ["reason", (w) => w.reason],
    ],
    one: false,
  },
  campaigns: {
    name: (w) => w.permissions["campaigns.read"] ?? "",
    path: "campaigns",
    fields: [named, state],
    one: true,
  },
  sequences: { name: (w) => w.sequences, path: "sequences", fields: [named, state], one: true },
  mails: {
    name: (w) => w.permissions["mails.read"] ?? "",
    path: "mails",
    fields: [named, ["subject", (w) => w.subject]],
    one: true,
  },
  domains: { name: (w) => w.domains, path: "sender-domains", fields: [["domain", (w) => w.domains]], one: true },
  settings: { name: (w) => w.settings, path: "tenant", fields: [], one: false },
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
  const [view, setView] = useState("campaigns");
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
      <Tabs value={view} onChange={(value) => setView(value ?? "campaigns")} keepMounted={false}>
        <Tabs.List mb="sm">
          {Object.entries(views).map(([key, { name }]) => (
            <Tabs.Tab key={key} value={key}>
              {name(w)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {Object.entries(views).map(([key, shown]) => (
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
  const columns: Column<Row>[] = view.fields.map(([field, header], at) => ({
    id: field,
    header: header(w),
    cell: (row) =>
      at === 0 && view.one ? (
        <Anchor component="button" type="button" ta="left" onClick={() => setOpen(String(row.id))}>
          {text(row[field])}
        </Anchor>
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
          <Text size="sm" c="dimmed" p="md">
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
      <Drawer
        opened={open !== null}
        onClose={() => setOpen(null)}
        title={w.detail}
        size="lg"
        closeButtonProps={{ "aria-label": w.close }}
      >
        {open ? <OneView base={base} path={`${view.path}/${open}`} /> : null}
      </Drawer>
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
