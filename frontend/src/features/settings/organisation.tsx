import { Button, Group, Select, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { api, ifMatch } from "@/api/client";
import { queryClient, refresh } from "@/api/query";
import type { Tenant } from "@/api/types";
import { useCan, useMe } from "@/auth/guard";
import { session } from "@/auth/session";
import { FormError } from "@/components/form/form-error";
import { UnsavedGuard } from "@/components/form/unsaved-guard";
import { useSubmit } from "@/components/form/use-submit";
import { Page, Panel } from "@/components/layout/page";
import { notifyDone } from "@/components/ui/notify";
import { QueryView } from "@/components/ui/state-view";
import { useT } from "@/i18n";
import { FactorPolicy } from "./factor-policy";
import { Usage } from "./usage";

export function OrganisationScreen() {
  const t = useT();
  const query = api.useQuery("get", "/v1/tenant");
  return (
    <Page title={t("nav.organisation")} description={t("organisation.description")} narrow>
      <QueryView query={query}>
        {(tenant) => (
          <>
            <OrganisationForm key={tenant.version} tenant={tenant} />
            <FactorPolicy key={`policy-${tenant.version}`} tenant={tenant} />
          </>
        )}
      </QueryView>
      <Usage />
    </Page>
  );
}

/** Soft bounces in a row after which a contact may be stopped. */
const limits = Array.from({ length: 10 }, (_, i) => i + 1);
const zones = Intl.supportedValuesOf("timeZone");

function OrganisationForm({ tenant }: { tenant: Tenant }) {
  const t = useT();
  const me = useMe();
  const canWrite = useCan("settings.write");
  const update = api.useMutation("patch", "/v1/tenant");
  const form = useForm({
    initialValues: {
      name: tenant.name,
      time_zone: tenant.time_zone,
      legal: { ...tenant.legal },
      soft_bounce_limit: tenant.soft_bounce_limit == null ? "off" : String(tenant.soft_bounce_limit),
    },
    validate: {
      name: (value) => (value.trim() ? null : t("form.required")),
    },
  });
  const { busy, error, run } = useSubmit(form);
  const submit = form.onSubmit((values) =>
    run(async () => {
      const saved = await update.mutateAsync({
        params: { header: ifMatch(tenant.version) },
        body: {
          ...values,
          name: values.name.trim(),
          soft_bounce_limit: values.soft_bounce_limit === "off" ? null : Number(values.soft_bounce_limit),
        },
      });
      session.setMe({
        ...me,
        tenant: { ...me.tenant, name: saved.name, time_zone: saved.time_zone },
      });
      form.resetDirty();
      queryClient.setQueryData(api.queryOptions("get", "/v1/tenant").queryKey, saved);
      await refresh("/v1/summary");
      notifyDone(t("common.saved"));
    }),
  );
  return (
    <form onSubmit={submit} noValidate>
      <UnsavedGuard dirty={form.isDirty()} />
      <FormError message={error} />
      <Panel title={t("organisation.legal")}>
        <Stack gap="sm">
          <Text size="sm" c="dimmed">
            {t("organisation.legal_help")}
          </Text>
          <TextInput
            label={t("organisation.sender_name")}
            placeholder={t("organisation.sender_name_example")}
            required
            readOnly={!canWrite}
            {...form.getInputProps("legal.sender_name")}
          />
          <Textarea
            label={t("organisation.postal_address")}
            autosize
            minRows={2}
            required
            readOnly={!canWrite}
            {...form.getInputProps("legal.postal_address")}
          />
          <TextInput
            label={t("organisation.contact")}
            description={t("organisation.contact_help")}
            required
            readOnly={!canWrite}
            {...form.getInputProps("legal.contact")}
          />
        </Stack>
      </Panel>
      <Panel title={t("organisation.basics")}>
        <Stack gap="sm">
          <TextInput label={t("organisation.name")} required readOnly={!canWrite} {...form.getInputProps("name")} />
          <Select
            label={t("organisation.time_zone")}
            searchable
            allowDeselect={false}
            disabled={!canWrite}
            data={zones.includes(tenant.time_zone) ? zones : [tenant.time_zone, ...zones]}
            limit={50}
            {...form.getInputProps("time_zone")}
          />
        </Stack>
      </Panel>
      <Panel title={t("organisation.bounces")}>
        <Select
          label={t("organisation.bounce_limit")}
          description={t("organisation.bounce_help")}
          allowDeselect={false}
          disabled={!canWrite}
          data={[
            ...limits.map((n) => ({ value: String(n), label: t("organisation.bounce_times", { count: n }) })),
            { value: "off", label: t("organisation.bounce_off") },
          ]}
          {...form.getInputProps("soft_bounce_limit")}
        />
      </Panel>
      {canWrite ? (
        <Group justify="flex-end">
          <Button type="submit" loading={busy} disabled={!form.isDirty()}>
            {t("common.save")}
          </Button>
        </Group>
      ) : null}
    </form>
  );
}
