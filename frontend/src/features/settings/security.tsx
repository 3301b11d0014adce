import { Button, Group, NumberInput, Select, Stack, Text, Textarea } from "@mantine/core";
import { useForm } from "@mantine/form";
import { api, ifMatch } from "@/api/client";
import { queryClient } from "@/api/query";
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
import { EndAllSessions } from "./end-all-sessions";
import { networkLines } from "./network-lines";

const lengths = { min: 12, max: 64 };
const mostFormer = 12;
const months = [1, 3, 6, 12] as const;

export function SecurityScreen() {
  const t = useT();
  const canEndAll = useCan("security.manage");
  const query = api.useQuery("get", "/v1/tenant");
  return (
    <Page title={t("nav.security")} description={t("security.description")} narrow>
      <QueryView query={query}>{(tenant) => <SecurityForm key={tenant.version} tenant={tenant} />}</QueryView>
      {canEndAll ? <EndAllSessions /> : null}
    </Page>
  );
}

function SecurityForm({ tenant }: { tenant: Tenant }) {
  const t = useT();
  const me = useMe();
  const canWrite = useCan("settings.write");
  const update = api.useMutation("patch", "/v1/tenant");
  const within = (min: number, max: number) => (value: number | string) =>
    typeof value === "number" && value >= min && value <= max ? null : t("rules.range", { min, max });
  const { password_policy: policy } = tenant;
  const form = useForm({
    initialValues: {
      min_length: policy.min_length as number | string,
      history: policy.history as number | string,
      expiry_months: String(policy.expiry_months ?? "never"),
      idle_minutes: tenant.idle_minutes as number | string,
      allowed_networks: tenant.allowed_networks.join("\n"),
    },
    validate: {
      min_length: within(lengths.min, lengths.max),
      history: within(0, mostFormer),
      idle_minutes: within(5, 1440),
    },
  });
  const { busy, error, run } = useSubmit(form);
  const submit = form.onSubmit((values) =>
    run(async () => {
      const saved = await update.mutateAsync({
        params: { header: ifMatch(tenant.version) },
        body: {
          password_policy: {
            min_length: Number(values.min_length),
            history: Number(values.history),
            expiry_months: values.expiry_months === "never" ? null : Number(values.expiry_months),
          },
          idle_minutes: Number(values.idle_minutes),
          allowed_networks: networkLines(values.allowed_networks),
        },
      });
      session.setMe({ ...me, session: { ...me.session, idle_minutes: saved.idle_minutes } });
      form.resetDirty();
      queryClient.setQueryData(api.queryOptions("get", "/v1/tenant").queryKey, saved);
      notifyDone(t("common.saved"));
    }),
  );
  return (
    <form onSubmit={submit} noValidate>
      <UnsavedGuard dirty={form.isDirty()} />
      <FormError message={error} />
      <Panel title={t("security.passwords")}>
        <Stack gap="sm">
          <Text size="sm" c="dimmed">
            {t("security.passwords_help")}
          </Text>
          <NumberInput
            label={t("security.min_length")}
            description={t("rules.range", lengths)}
            {...lengths}
            disabled={!canWrite}
            maw={220}
            {...form.getInputProps("min_length")}
          />
          <NumberInput
            label={t("security.history")}
            description={t("security.history_help")}
            min={0}
            max={mostFormer}
            disabled={!canWrite}
            maw={220}
            {...form.getInputProps("history")}
          />
          <Select
            label={t("security.expiry")}
            description={t("security.expiry_help")}
            allowDeselect={false}
            disabled={!canWrite}
            data={[
              { value: "never", label: t("security.expiry_never") },
              ...months.map((n) => ({ value: String(n), label: t("security.expiry_months", { count: n }) })),
            ]}
            {...form.getInputProps("expiry_months")}
          />
        </Stack>
      </Panel>
      <Panel title={t("security.sessions")}>
        <NumberInput
          label={t("organisation.idle_minutes")}
          description={t("organisation.idle_help")}
          min={5}
          max={1440}
          disabled={!canWrite}
          maw={220}
          {...form.getInputProps("idle_minutes")}
        />
      </Panel>
      <Panel title={t("security.networks")}>
        <Stack gap="sm">
          <Text size="sm" c="dimmed">
            {t("security.networks_help")}
          </Text>
          <Textarea
            label={t("security.allowed")}
            placeholder={"203.0.113.0/24\n2001:db8::/32"}
            autosize
            minRows={3}
            maxRows={12}
            readOnly={!canWrite}
            spellCheck={false}
            {...form.getInputProps("allowed_networks")}
          />
          {tenant.your_address ? (
            <Group gap="xs">
              <Text size="sm">{t("security.your_address", { ip: tenant.your_address })}</Text>
              {canWrite && !networkLines(form.values.allowed_networks).includes(tenant.your_address) ? (
                <Button
                  size="compact-xs"
                  variant="default"
                  onClick={() =>
                    form.setFieldValue(
                      "allowed_networks",
                      [...networkLines(form.values.allowed_networks), tenant.your_address].join("\n"),
                    )
                  }
                >
                  {t("security.add_own")}
                </Button>
              ) : null}
            </Group>
          ) : null}
        </Stack>
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
