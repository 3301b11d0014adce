import { Button, Checkbox, Select, Stack, Text, Textarea } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconLock, IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { api } from "@/api/client";
import { refresh } from "@/api/query";
import type { SupportGrant } from "@/api/types";
import { useCan, useMe } from "@/auth/guard";
import { permissionLabel } from "@/components/access/support-permission";
import { FormDialog } from "@/components/form/form-dialog";
import { useSubmit } from "@/components/form/use-submit";
import { Page } from "@/components/layout/page";
import { type Column, DataTable } from "@/components/table/data-table";
import { Pager } from "@/components/table/pager";
import { ConfirmDialog } from "@/components/ui/confirm";
import { notifyDone } from "@/components/ui/notify";
import { EmptyState } from "@/components/ui/state-view";
import { Status } from "@/components/ui/status";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";

/** What can be granted: reading only. */
const grantable = ["campaigns.read", "reports.read", "mails.read", "contacts.read", "settings.read"] as const;
const hours = [1, 4, 8, 24, 48, 72] as const;

/** Whether, and what, the operator's staff may look at; and how often they did. */
export function SupportScreen(props: { cursor?: string; onCursor: (cursor: string | undefined) => void }) {
  const t = useT();
  const canGrant = useCan("support.grant");
  const [granting, setGranting] = useState(false);
  const [revoking, setRevoking] = useState<SupportGrant | null>(null);
  const query = api.useQuery("get", "/v1/support-grants", { params: { query: { cursor: props.cursor } } });
  const revoke = api.useMutation("post", "/v1/support-grants/{id}/revoke");
  return (
    <Page
      title={t("nav.support")}
      description={t("support.description")}
      actions={
        canGrant ? (
          <Button leftSection={<IconPlus size={16} />} onClick={() => setGranting(true)}>
            {t("support.create")}
          </Button>
        ) : null
      }
    >
      <div className="kb-panel">
        <DataTable
          caption={t("nav.support")}
          columns={useColumns(canGrant ? setRevoking : null)}
          rows={query.data?.items}
          rowId={(row) => row.id}
          error={query.error}
          onRetry={() => void query.refetch()}
          empty={<EmptyState icon={IconLock} title={t("support.empty_title")} body={t("support.empty_body")} />}
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
      {granting ? <GrantDialog onClose={() => setGranting(false)} /> : null}
      <ConfirmDialog
        opened={revoking !== null}
        onClose={() => setRevoking(null)}
        title={t("support.revoke_title")}
        confirm={t("support.revoke")}
        onConfirm={async () => {
          if (revoking) {
            await revoke.mutateAsync({ params: { path: { id: revoking.id } } });
            await refresh("/v1/support-grants");
            notifyDone(t("support.revoked_done"));
          }
        }}
      >
        <Text>{t("support.revoke_body", { reason: revoking?.reason ?? "" })}</Text>
      </ConfirmDialog>
    </Page>
  );
}

function useColumns(onRevoke: ((row: SupportGrant) => void) | null): Column<SupportGrant>[] {
  const t = useT();
  const format = useFormat();
  const standing = (row: SupportGrant) =>
    row.active ? (
      <Status tone="warn" label={t("support.active")} />
    ) : (
      <Status tone="idle" label={t(row.revoked_at ? "support.revoked" : "support.over")} />
    );
  const columns: Column<SupportGrant>[] = [
    {
      id: "reason",
      header: t("support.reason"),
      cell: (row) => (
        <Text size="sm" style={{ overflowWrap: "anywhere" }}>
          {row.reason}
        </Text>
      ),
    },
    {
      id: "permissions",
      header: t("support.permissions"),
      cell: (row) => (
        <Stack gap={0}>
          {row.permissions.map((name) => (
            <Text key={name} size="sm">
              {permissionLabel(name)}
            </Text>
          ))}
        </Stack>
      ),
    },
    { id: "state", header: t("support.state"), cell: standing },
    { id: "until", header: t("support.until"), cell: (row) => format.dateTime(row.revoked_at ?? row.expires_at) },
    { id: "by", header: t("support.granted_by"), cell: (row) => row.granted_by },
    {
      id: "looks",
      header: t("support.looks"),
      cell: (row) =>
        row.looked_at
          ? t("support.looks_last", { count: row.looks, at: format.dateTime(row.looked_at) })
          : format.number(row.looks),
    },
  ];
  return onRevoke
    ? [
        ...columns,
        {
          id: "actions",
          header: t("common.menu"),
          actions: true,
          width: 100,
          cell: (row) =>
            row.active ? (
              <Button
                size="compact-sm"
                variant="default"
                aria-label={`${t("support.revoke")}: ${row.reason}`}
                onClick={() => onRevoke(row)}
              >
                {t("support.revoke")}
              </Button>
            ) : null,
        },
      ]
    : columns;
}

function GrantDialog({ onClose }: { onClose: () => void }) {
  const t = useT();
  const me = useMe();
  const create = api.useMutation("post", "/v1/support-grants");
  const own = grantable.filter((name) => me.permissions.includes(name));
  const form = useForm({
    initialValues: { reason: "", permissions: [] as string[], hours: "24" },
    validate: {
      reason: (value) => (value.trim() ? null : t("form.required")),
      permissions: (value) => (value.length > 0 ? null : t("support.pick_any")),
    },
  });
  const { busy, error, run } = useSubmit(form);
  const submit = form.onSubmit((values) =>
    run(async () => {
      await create.mutateAsync({ body: { ...values, reason: values.reason.trim(), hours: Number(values.hours) } });
      await refresh("/v1/support-grants");
      notifyDone(t("support.granted"));
      onClose();
    }),
  );
  return (
    <FormDialog
      title={t("support.create")}
      submit={t("support.grant")}
      dirty={form.isDirty()}
      busy={busy}
      error={error}
      onSubmit={submit}
      onClose={onClose}
    >
      <Textarea
        label={t("support.reason")}
        required
        data-autofocus
        rows={3}
        maxLength={500}
        {...form.getInputProps("reason")}
      />
      <Checkbox.Group label={t("support.permissions")} required {...form.getInputProps("permissions")}>
        <Stack gap="xs" mt={4}>
          {own.map((name) => (
            <Checkbox key={name} value={name} label={permissionLabel(name)} />
          ))}
        </Stack>
      </Checkbox.Group>
      <Select
        label={t("support.hours")}
        allowDeselect={false}
        maw={220}
        data={hours.map((n) => ({ value: String(n), label: t("support.for_hours", { count: n }) }))}
        {...form.getInputProps("hours")}
      />
    </FormDialog>
  );
}
