import "@mantine/dates/styles.layer.css";
import { Button, Checkbox, Group, NumberInput, Stack, Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import { api, ifMatch } from "@/api/client";
import { queryClient, refresh } from "@/api/query";
import type { Tenant } from "@/api/types";
import { useCan } from "@/auth/guard";
import { FormError } from "@/components/form/form-error";
import { HoursFields, spanProblem, usualHours } from "@/components/form/hours-fields";
import { UnsavedGuard } from "@/components/form/unsaved-guard";
import { useSubmit } from "@/components/form/use-submit";
import { Page, Panel } from "@/components/layout/page";
import { notifyDone } from "@/components/ui/notify";
import { QueryView } from "@/components/ui/state-view";
import { useT } from "@/i18n";

const mostMails = 100;
const mostDays = 90;

export function RulesScreen() {
  const t = useT();
  const query = api.useQuery("get", "/v1/tenant");
  return (
    <Page title={t("nav.rules")} description={t("rules.description")} narrow>
      <QueryView query={query}>{(tenant) => <RulesForm key={tenant.version} tenant={tenant} />}</QueryView>
    </Page>
  );
}

/** Quiet hours and the frequency cap of the company. */
function RulesForm({ tenant }: { tenant: Tenant }) {
  const t = useT();
  const canWrite = useCan("settings.write");
  const update = api.useMutation("patch", "/v1/tenant");
  const inRange = (most: number) => (value: number | string, values: { capped: boolean }) =>
    !values.capped || (typeof value === "number" && value >= 1 && value <= most)
      ? null
      : t("rules.range", { min: 1, max: most });
  const form = useForm({
    initialValues: {
      limited: tenant.sending_hours != null,
      span: tenant.sending_hours ?? usualHours,
      capped: tenant.frequency_cap != null,
      mails: (tenant.frequency_cap?.mails ?? 3) as number | string,
      days: (tenant.frequency_cap?.days ?? 7) as number | string,
    },
    validate: {
      span: (span, values) => (values.limited ? spanProblem(span) : null),
      mails: inRange(mostMails),
      days: inRange(mostDays),
    },
  });
  const { busy, error, run } = useSubmit(form);
  const { limited, span, capped, mails, days } = form.values;
  const submit = form.onSubmit((values) =>
    run(async () => {
      const saved = await update.mutateAsync({
        params: { header: ifMatch(tenant.version) },
        body: {
          sending_hours: values.limited ? values.span : null,
          frequency_cap: values.capped ? { mails: Number(values.mails), days: Number(values.days) } : null,
        },
      });
      form.resetDirty();
      queryClient.setQueryData(api.queryOptions("get", "/v1/tenant").queryKey, saved);
      await refresh("/v1/campaigns", "/v1/campaigns/{id}", "/v1/campaigns/{id}/preflight");
      notifyDone(t("common.saved"));
    }),
  );
  return (
    <form onSubmit={submit} noValidate>
      <UnsavedGuard dirty={form.isDirty()} />
      <FormError message={error} />
      <Panel title={t("rules.hours")}>
        <Stack gap="sm">
          <Text size="sm" c="dimmed">
            {t("rules.hours_help")}
          </Text>
          <Checkbox
            label={t("rules.hours_on")}
            disabled={!canWrite}
            checked={limited}
            onChange={(event) => form.setFieldValue("limited", event.currentTarget.checked)}
          />
          {limited ? (
            <HoursFields
              span={span}
              zone={tenant.time_zone}
              readOnly={!canWrite}
              onChange={(next) => form.setFieldValue("span", next)}
            />
          ) : null}
        </Stack>
      </Panel>
      <Panel title={t("rules.cap")}>
        <Stack gap="sm">
          <Text size="sm" c="dimmed">
            {t("rules.cap_help")}
          </Text>
          <Checkbox
            label={t("rules.cap_on")}
            disabled={!canWrite}
            checked={capped}
            onChange={(event) => form.setFieldValue("capped", event.currentTarget.checked)}
          />
          {capped ? (
            <>
              <Group gap="sm" align="flex-start">
                <NumberInput
                  label={t("rules.cap_days")}
                  min={1}
                  max={mostDays}
                  disabled={!canWrite}
                  w={120}
                  {...form.getInputProps("days")}
                />
                <NumberInput
                  label={t("rules.cap_mails")}
                  min={1}
                  max={mostMails}
                  disabled={!canWrite}
                  w={120}
                  {...form.getInputProps("mails")}
                />
              </Group>
              <Text size="sm">{t("rules.cap_says", { days, mails })}</Text>
            </>
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
