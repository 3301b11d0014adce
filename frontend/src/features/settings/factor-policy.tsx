import { Alert, Box, Button, Checkbox, Group, NumberInput, Stack } from "@mantine/core";
import { useForm } from "@mantine/form";
import { api, ifMatch } from "@/api/client";
import { queryClient } from "@/api/query";
import type { Tenant } from "@/api/types";
import { useCan, useMe } from "@/auth/guard";
import { rereadMe } from "@/auth/step-up";
import { FormError } from "@/components/form/form-error";
import { useSubmit } from "@/components/form/use-submit";
import { Panel } from "@/components/layout/page";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";

const most = 100_000_000;

/** Whether all need a second factor, and from how many people on sending asks once more who it is. */
export function FactorPolicy({ tenant }: { tenant: Tenant }) {
  const t = useT();
  const me = useMe();
  const canWrite = useCan("settings.write");
  const update = api.useMutation("patch", "/v1/tenant");
  const form = useForm({
    initialValues: {
      required: tenant.second_factor_required,
      asks: tenant.step_up_people != null,
      people: (tenant.step_up_people ?? 10_000) as number | string,
    },
    validate: {
      people: (value, { asks }) =>
        !asks || (typeof value === "number" && value >= 1 && value <= most) ? null : t("policy.people_range"),
    },
  });
  const { busy, error, run } = useSubmit(form);
  const { required, asks } = form.values;
  const submit = form.onSubmit((values) =>
    run(async () => {
      const saved = await update.mutateAsync({
        params: { header: ifMatch(tenant.version) },
        body: {
          second_factor_required: values.required,
          step_up_people: values.asks ? Number(values.people) : null,
        },
      });
      form.resetDirty();
      queryClient.setQueryData(api.queryOptions("get", "/v1/tenant").queryKey, saved);
      notifyDone(t("common.saved"));
      await rereadMe();
    }),
  );
  return (
    <Box component="form" mt="md" onSubmit={submit} noValidate>
      <Panel title={t("policy.title")}>
        <Stack gap="sm">
          <FormError message={error} />
          <Checkbox
            label={t("policy.required")}
            description={t("policy.required_help")}
            disabled={!canWrite}
            {...form.getInputProps("required", { type: "checkbox" })}
          />
          {required && !tenant.second_factor_required && !me.second_factor.enrolled ? (
            <Alert color="yellow" variant="outline" role="status">
              {t("policy.you_too")}
            </Alert>
          ) : null}
          <Checkbox
            label={t("policy.asks")}
            description={t("policy.asks_help")}
            disabled={!canWrite}
            {...form.getInputProps("asks", { type: "checkbox" })}
          />
          {asks ? (
            <NumberInput
              label={t("policy.people")}
              min={1}
              max={most}
              thousandSeparator=","
              disabled={!canWrite}
              maw={220}
              {...form.getInputProps("people")}
            />
          ) : null}
          {canWrite ? (
            <Group justify="flex-end">
              <Button type="submit" variant="default" loading={busy} disabled={!form.isDirty()}>
                {t("policy.save")}
              </Button>
            </Group>
          ) : null}
        </Stack>
      </Panel>
    </Box>
  );
}
