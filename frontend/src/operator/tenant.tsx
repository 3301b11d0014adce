import { Alert, Button, Group, NumberInput, SimpleGrid, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { type ReactNode, useState } from "react";
import { refresh } from "@/api/query";
import { FormError } from "@/components/form/form-error";
import { useSubmit } from "@/components/form/use-submit";
import { Page, Panel } from "@/components/layout/page";
import { ConfirmDialog } from "@/components/ui/confirm";
import { DefinitionList } from "@/components/ui/definition";
import { notifyDone } from "@/components/ui/notify";
import { QueryView } from "@/components/ui/state-view";
import { Status } from "@/components/ui/status";
import { useFormat } from "@/i18n/format";
import { api, type TenantDetail } from "./client";
import { ErasureList } from "./erasures";
import { useFreshCode } from "./fresh-code";
import { Grants } from "./grants";
import { JournalTable } from "./journal";
import { go } from "./place";
import { tones } from "./tenants";
import { useWords } from "./words";

const megabyte = 1024 * 1024;

/** One company: state, numbers, what can be done with it. Its data only under a grant. */
export function TenantScreen({ id }: { id: string }) {
  const w = useWords();
  const query = api.useQuery("get", "/v1/tenants/{id}", { params: { path: { id } } });
  return (
    <Page
      title={query.data?.tenant.name ?? w.tenants}
      actions={
        <Button variant="default" onClick={() => go({ screen: "tenants" })}>
          {w.toTenants}
        </Button>
      }
    >
      <QueryView query={query}>
        {(detail) => (
          <>
            <Summary detail={detail} />
            <Grants tenant={id} />
            <Quotas key={JSON.stringify(detail.usage)} detail={detail} />
            <LifeCycle detail={detail} />
            <Panel title={w.journal} flush>
              <JournalTable tenant={id} />
            </Panel>
          </>
        )}
      </QueryView>
    </Page>
  );
}

function Summary({ detail }: { detail: TenantDetail }) {
  const w = useWords();
  const format = useFormat();
  const { tenant, usage } = detail;
  const measure = (m: { used: number; quota?: number | null }, show: (n: number) => string): ReactNode =>
    `${show(m.used)}${w.of}${m.quota == null ? w.unlimited : show(m.quota)}`;
  return (
    <Panel>
      <DefinitionList
        items={[
          [w.state, <Status key="state" tone={tones[tenant.state]} label={w.states[tenant.state]} />],
          ...(tenant.suspended_reason ? ([[w.suspendedFor, tenant.suspended_reason]] as const) : []),
          [w.contacts, measure(usage.contacts, format.number)],
          [w.users, measure(usage.users, format.number)],
          [w.mails, measure(usage.mails, format.number)],
          [w.storage, measure(usage.storage, format.bytes)],
          [w.lastActive, detail.last_active_at ? format.dateTime(detail.last_active_at) : w.never],
          [w.created, format.date(tenant.created_at)],
        ]}
      />
    </Panel>
  );
}

function Quotas({ detail }: { detail: TenantDetail }) {
  const w = useWords();
  const { usage } = detail;
  const put = api.useMutation("put", "/v1/tenants/{id}/quotas");
  const fresh = useFreshCode();
  const shown = (n: number | null | undefined): number | string => n ?? "";
  const form = useForm({
    initialValues: {
      contacts: shown(usage.contacts.quota),
      users: shown(usage.users.quota),
      mails: shown(usage.mails.quota),
      storage: usage.storage.quota == null ? "" : (Math.round(usage.storage.quota / megabyte) as number | string),
    },
  });
  const { busy, error, run } = useSubmit(form);
  const number = (value: number | string) => (value === "" ? null : Number(value));
  const submit = form.onSubmit((values) =>
    run(async () => {
      const storage = number(values.storage);
      await fresh.run(() =>
        put.mutateAsync({
          params: { path: { id: detail.tenant.id } },
          body: {
            contacts: number(values.contacts),
            users: number(values.users),
            mails: number(values.mails),
            storage: storage === null ? null : storage * megabyte,
          },
        }),
      );
      await refresh("/v1/tenants", "/v1/audit");
      notifyDone(w.saved);
    }),
  );
  const field = { min: 0, allowDecimal: false, allowNegative: false, thousandSeparator: ",", placeholder: w.unlimited };
  return (
    <Panel title={w.quotas}>
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">
          <Text size="sm" c="dimmed">
            {w.quotasHelp}
          </Text>
          <FormError message={error} />
          <SimpleGrid cols={{ base: 1, xs: 2, md: 4 }}>
            <NumberInput label={w.contacts} {...field} {...form.getInputProps("contacts")} />
            <NumberInput label={w.users} {...field} {...form.getInputProps("users")} />
            <NumberInput label={w.quotaMails} {...field} {...form.getInputProps("mails")} />
            <NumberInput label={w.storageMb} {...field} {...form.getInputProps("storage")} />
          </SimpleGrid>
          {fresh.field}
          <Group justify="flex-end">
            <Button type="submit" variant="default" loading={busy} disabled={!form.isDirty() || !fresh.ready}>
              {w.save}
            </Button>
          </Group>
        </Stack>
      </form>
    </Panel>
  );
}

type Asking = "suspend" | "resume" | "erase" | "cancel" | null;

function LifeCycle({ detail }: { detail: TenantDetail }) {
  const w = useWords();
  const { tenant } = detail;
  const [asking, setAsking] = useState<Asking>(null);
  const [reason, setReason] = useState("");
  const [name, setName] = useState("");
  const suspend = api.useMutation("post", "/v1/tenants/{id}/suspend");
  const resume = api.useMutation("post", "/v1/tenants/{id}/resume");
  const erase = api.useMutation("post", "/v1/tenants/{id}/erasure");
  const cancel = api.useMutation("delete", "/v1/tenants/{id}/erasure");
  const params = { path: { id: tenant.id } };
  const fresh = useFreshCode();
  const close = () => {
    setAsking(null);
    fresh.forget();
  };
  const done = async (message: string) => {
    await refresh("/v1/tenants", "/v1/erasures", "/v1/audit");
    notifyDone(message);
  };
  return (
    <Panel title={w.state}>
      <Stack gap="sm">
        <Group gap="sm">
          {tenant.state === "active" ? (
            <Button variant="default" onClick={() => setAsking("suspend")}>
              {w.suspend}
            </Button>
          ) : null}
          {tenant.state === "suspended" ? (
            <>
              <Button variant="default" onClick={() => setAsking("resume")}>
                {w.resume}
              </Button>
              <Button color="red.9" variant="outline" onClick={() => setAsking("erase")}>
                {w.erase}
              </Button>
              <Button variant="subtle" color="gray" onClick={() => setAsking("cancel")}>
                {w.eraseCancel}
              </Button>
            </>
          ) : (
            <Text size="sm" c="dimmed">
              {tenant.state === "active" ? w.eraseNeedsSuspension : null}
            </Text>
          )}
        </Group>
        <ErasureList tenant={tenant.id} quiet />
      </Stack>
      <ConfirmDialog
        opened={asking === "suspend"}
        onClose={close}
        title={`${w.suspend}: ${tenant.name}`}
        confirm={w.suspend}
        danger
        disabled={!reason.trim() || !fresh.ready}
        onConfirm={async () => {
          await fresh.run(() => suspend.mutateAsync({ params, body: { reason: reason.trim() } }));
          await done(w.saved);
        }}
      >
        <Stack gap="sm">
          <Text size="sm">{w.suspendHelp}</Text>
          <Textarea
            label={w.reason}
            required
            maxLength={500}
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
          {fresh.field}
        </Stack>
      </ConfirmDialog>
      <ConfirmDialog
        opened={asking === "resume"}
        onClose={close}
        title={`${w.resume}: ${tenant.name}`}
        confirm={w.resume}
        disabled={!fresh.ready}
        onConfirm={async () => {
          await fresh.run(() => resume.mutateAsync({ params }));
          await done(w.saved);
        }}
      >
        <Stack gap="sm">
          <Text size="sm">{w.resumeHelp}</Text>
          {fresh.field}
        </Stack>
      </ConfirmDialog>
      <ConfirmDialog
        opened={asking === "erase"}
        onClose={close}
        title={`${w.erase}: ${tenant.name}`}
        confirm={w.erase}
        danger
        disabled={(name !== "" && name !== tenant.name) || !fresh.ready}
        onConfirm={async () => {
          await fresh.run(() => erase.mutateAsync({ params, body: name ? { confirm_name: name } : {} }));
          await done(w.eraseAsked);
        }}
      >
        <Stack gap="sm">
          <Alert color="red" variant="outline">
            {w.eraseHelp}
          </Alert>
          <TextInput
            label={w.eraseName}
            placeholder={tenant.name}
            autoComplete="off"
            maxLength={200}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          {fresh.field}
        </Stack>
      </ConfirmDialog>
      <ConfirmDialog
        opened={asking === "cancel"}
        onClose={close}
        title={w.eraseCancel}
        confirm={w.eraseCancel}
        disabled={!fresh.ready}
        onConfirm={async () => {
          await fresh.run(() => cancel.mutateAsync({ params }));
          await done(w.saved);
        }}
      >
        <Stack gap="sm">
          <Text size="sm">{tenant.name}</Text>
          {fresh.field}
        </Stack>
      </ConfirmDialog>
    </Panel>
  );
}
