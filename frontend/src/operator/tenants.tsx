import { Alert, Anchor, Button, Code, Group, Select, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconBuilding, IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { refresh } from "@/api/query";
import { FormDialog } from "@/components/form/form-dialog";
import { useSubmit } from "@/components/form/use-submit";
import { Page } from "@/components/layout/page";
import { type Column, DataTable } from "@/components/table/data-table";
import { Pager } from "@/components/table/pager";
import { SearchBox } from "@/components/table/search-box";
import { CopyButton } from "@/components/ui/copy";
import { Dialog } from "@/components/ui/dialog";
import { EmptyState } from "@/components/ui/state-view";
import { Status, type Tone } from "@/components/ui/status";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { api, type TenantSummary } from "./client";
import { useFreshCode } from "./fresh-code";
import { go } from "./place";
import { useWords } from "./words";

export const tones: Record<TenantSummary["state"], Tone> = { active: "good", suspended: "warn", erasing: "bad" };
const states = ["active", "suspended", "erasing"] as const;
type Made = { tenant: TenantSummary; owner_login_id: string; owner_password: string };

/** All companies: name, state, numbers. */
export function TenantsScreen() {
  const w = useWords();
  const [q, setQ] = useState("");
  const [state, setState] = useState<TenantSummary["state"] | null>(null);
  const [cursor, setCursor] = useState<string>();
  const [adding, setAdding] = useState(false);
  const [made, setMade] = useState<Made | null>(null);
  const query = api.useQuery("get", "/v1/tenants", {
    params: { query: { q: q || undefined, state: state ?? undefined, cursor } },
  });
  return (
    <Page
      title={w.tenants}
      description={w.tenantsHelp}
      actions={
        <Button leftSection={<IconPlus size={16} />} onClick={() => setAdding(true)}>
          {w.add}
        </Button>
      }
    >
      <Group mb="sm" gap="sm">
        <SearchBox
          label={w.search}
          value={q}
          onChange={(value) => {
            setQ(value.slice(0, 100));
            setCursor(undefined);
          }}
        />
        <Select
          aria-label={w.state}
          placeholder={w.state}
          clearable
          w={160}
          data={states.map((value) => ({ value, label: w.states[value] }))}
          value={state}
          onChange={(value) => {
            setState(value as TenantSummary["state"] | null);
            setCursor(undefined);
          }}
        />
      </Group>
      <div className="kb-panel">
        <DataTable
          caption={w.tenants}
          columns={useColumns()}
          rows={query.data?.items}
          rowId={(row) => row.id}
          error={query.error}
          onRetry={() => void query.refetch()}
          empty={<EmptyState icon={IconBuilding} title={w.none} body={w.noneHelp} />}
        />
        {query.data && query.data.items.length > 0 ? (
          <Pager
            cursor={cursor}
            nextCursor={query.data.next_cursor}
            shown={query.data.items.length}
            onCursor={setCursor}
          />
        ) : null}
      </div>
      {adding ? <AddDialog onClose={() => setAdding(false)} onMade={setMade} /> : null}
      {made ? <MadeDialog made={made} onClose={() => setMade(null)} /> : null}
    </Page>
  );
}

function useColumns(): Column<TenantSummary>[] {
  const w = useWords();
  const format = useFormat();
  return [
    {
      id: "name",
      header: w.name,
      cell: (row) => (
        <Anchor
          component="button"
          type="button"
          fw={500}
          ta="left"
          onClick={() => go({ screen: "tenant", id: row.id })}
        >
          {row.name}
        </Anchor>
      ),
    },
    { id: "state", header: w.state, cell: (row) => <Status tone={tones[row.state]} label={w.states[row.state]} /> },
    { id: "contacts", header: w.contacts, numeric: true, cell: (row) => format.number(row.contacts) },
    { id: "users", header: w.users, numeric: true, cell: (row) => format.number(row.users) },
    { id: "mails", header: w.mails, numeric: true, cell: (row) => format.number(row.mails) },
    { id: "created", header: w.created, numeric: true, cell: (row) => format.date(row.created_at) },
  ];
}

function AddDialog(props: { onClose: () => void; onMade: (made: Made) => void }) {
  const w = useWords();
  const t = useT();
  const create = api.useMutation("post", "/v1/tenants");
  const required = (value: string) => (value.trim() ? null : t("form.required"));
  const form = useForm({
    initialValues: { name: "", owner_login_id: "", owner_name: "", owner_email: "" },
    validate: { name: required, owner_login_id: required, owner_name: required, owner_email: required },
  });
  const fresh = useFreshCode();
  const { busy, error, run } = useSubmit(form);
  const submit = form.onSubmit((values) =>
    run(async () => {
      await fresh.run(async () => props.onMade(await create.mutateAsync({ body: values })));
      await refresh("/v1/tenants");
      props.onClose();
    }),
  );
  return (
    <FormDialog
      title={w.add}
      dirty={form.isDirty()}
      busy={busy}
      error={error}
      autoComplete="off"
      onSubmit={submit}
      onClose={props.onClose}
    >
      <TextInput label={w.name} required data-autofocus maxLength={200} {...form.getInputProps("name")} />
      <TextInput label={w.ownerName} required maxLength={100} {...form.getInputProps("owner_name")} />
      <TextInput
        label={w.ownerLoginId}
        required
        maxLength={100}
        autoCapitalize="none"
        spellCheck={false}
        {...form.getInputProps("owner_login_id")}
      />
      <TextInput
        label={w.ownerEmail}
        required
        maxLength={320}
        inputMode="email"
        autoCapitalize="none"
        spellCheck={false}
        {...form.getInputProps("owner_email")}
      />
      {fresh.field}
    </FormDialog>
  );
}

function MadeDialog({ made, onClose }: { made: Made; onClose: () => void }) {
  const w = useWords();
  return (
    <Dialog
      opened
      onClose={onClose}
      title={w.made}
      closeOnClickOutside={false}
      closeButtonProps={{ "aria-label": w.close }}
    >
      <Stack gap="sm">
        <Alert color="gray" variant="light">
          {w.madeHelp}
        </Alert>
        <Text size="sm">
          {w.ownerLoginId}: <Code>{made.owner_login_id}</Code>
        </Text>
        <Group gap={4} wrap="nowrap">
          <Code fz="md" style={{ overflowWrap: "anywhere" }}>
            {made.owner_password}
          </Code>
          <CopyButton value={made.owner_password} label={w.password} />
        </Group>
        <Group justify="flex-end">
          <Button onClick={onClose}>{w.close}</Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
