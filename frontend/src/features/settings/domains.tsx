import { Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconPlus, IconWorld } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api } from "@/api/client";
import { refresh } from "@/api/query";
import type { SenderDomain } from "@/api/types";
import { useCan } from "@/auth/guard";
import { FormError } from "@/components/form/form-error";
import { useSubmit } from "@/components/form/use-submit";
import { Page } from "@/components/layout/page";
import { type Column, DataTable } from "@/components/table/data-table";
import { Dialog } from "@/components/ui/dialog";
import { TextLink } from "@/components/ui/link-button";
import { EmptyState } from "@/components/ui/state-view";
import { useT } from "@/i18n";
import { CheckedLabel, worstCheck } from "./domain-check";

export function DomainsScreen() {
  const t = useT();
  const canWrite = useCan("settings.write");
  const [adding, setAdding] = useState(false);
  const query = api.useQuery("get", "/v1/sender-domains", { params: { query: { limit: 200 } } });
  const columns: Column<SenderDomain>[] = [
    {
      id: "domain",
      header: t("domains.domain"),
      cell: (row) => (
        <TextLink to="/settings/domains/$domainId" params={{ domainId: row.id }} size="sm" fw={500}>
          {row.domain}
        </TextLink>
      ),
    },
    { id: "keys", header: t("domains.dkim"), cell: (row) => <CheckedLabel state={worstCheck(row)} /> },
    {
      id: "active",
      header: t("domains.selectors"),
      cell: (row) => (
        <Text size="sm" className="kb-mono">
          {row.keys
            .filter((key) => key.active)
            .map((key) => key.selector)
            .join(", ") || "–"}
        </Text>
      ),
    },
  ];
  const create = canWrite ? (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setAdding(true)}>
      {t("domains.create")}
    </Button>
  ) : null;
  return (
    <Page title={t("nav.domains")} description={t("domains.description")} actions={create}>
      <div className="kb-panel">
        <DataTable
          caption={t("nav.domains")}
          columns={columns}
          rows={query.data?.items}
          rowId={(row) => row.id}
          error={query.error}
          onRetry={() => void query.refetch()}
          empty={
            <EmptyState
              icon={IconWorld}
              title={t("domains.empty_title")}
              body={t("domains.empty_body")}
              action={create}
            />
          }
        />
      </div>
      {adding ? <AddDialog onClose={() => setAdding(false)} /> : null}
    </Page>
  );
}

function AddDialog(props: { onClose: () => void }) {
  const t = useT();
  const navigate = useNavigate();
  const create = api.useMutation("post", "/v1/sender-domains");
  const form = useForm({
    initialValues: { domain: "" },
    validate: { domain: (value) => (value.trim() ? null : t("form.required")) },
  });
  const { busy, error, run } = useSubmit(form);
  const submit = form.onSubmit((values) =>
    run(async () => {
      const created = await create.mutateAsync({ body: { domain: values.domain.trim().toLowerCase() } });
      await refresh("/v1/sender-domains", "/v1/summary");
      await navigate({ to: "/settings/domains/$domainId", params: { domainId: created.id } });
    }),
  );
  return (
    <Dialog opened onClose={props.onClose} title={t("domains.create")}>
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">
          <FormError message={error} />
          <TextInput
            label={t("domains.domain")}
            description={t("domains.domain_help")}
            placeholder="example.co.jp"
            required
            autoCapitalize="none"
            spellCheck={false}
            data-autofocus
            {...form.getInputProps("domain")}
          />
          <Group justify="flex-end" mt="xs">
            <Button variant="default" onClick={props.onClose}>
              {t("common.cancel")}
            </Button>
            <Button type="submit" loading={busy}>
              {t("domains.make_keys")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
