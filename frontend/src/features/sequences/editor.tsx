import "@mantine/dates/styles.layer.css";
import { Button, Group, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconPlus } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { api, ifMatch } from "@/api/client";
import { refresh } from "@/api/query";
import type { Sequence } from "@/api/types";
import { useCan } from "@/auth/guard";
import { FormError } from "@/components/form/form-error";
import { UnsavedGuard } from "@/components/form/unsaved-guard";
import { useSubmit } from "@/components/form/use-submit";
import { Page, Panel } from "@/components/layout/page";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { EntryFields } from "./entry-fields";
import { StepCard, timeline } from "./step-card";
import { newStep, ruleOf, type Values, valuesOf } from "./values";

const mostSteps = 50;

/** A sequence as a timeline, to be written from top to bottom. */
export function SequenceEditor({ sequence }: { sequence: Sequence | null }) {
  const t = useT();
  const format = useFormat();
  const navigate = useNavigate();
  const canWrite = useCan("campaigns.write");
  const canSend = useCan("campaigns.send");
  const create = api.useMutation("post", "/v1/sequences");
  const update = api.useMutation("put", "/v1/sequences/{id}");
  const isDraft = !sequence || sequence.state === "draft";
  const disabled = !canWrite || sequence?.state === "stopped" || (!isDraft && !canSend);
  const form = useForm<Values>({
    initialValues: valuesOf(sequence),
    validate: {
      name: (value) => (value.trim() ? null : t("form.required")),
      list_id: (value, { entry }) => (entry !== "list" || value ? null : t("form.required")),
      field: (value, { entry }) => (entry !== "date" || value ? null : t("form.required")),
      steps: {
        mail_id: (value: string | null) => (value ? null : t("form.required")),
        delay: (value: number | string) => (typeof value === "number" ? null : t("form.required")),
      },
    },
  });
  const { busy, error, run } = useSubmit(form);
  const submit = form.onSubmit((values) =>
    run(async () => {
      const body = ruleOf(values, sequence?.time_zone ?? format.timeZone);
      const saved = sequence
        ? await update.mutateAsync({
            params: { path: { id: sequence.id }, header: ifMatch(sequence.version) },
            body,
          })
        : await create.mutateAsync({ body });
      form.setInitialValues(valuesOf(saved));
      form.reset();
      await refresh("/v1/sequences");
      notifyDone(t("common.saved"));
      if (!sequence) {
        await navigate({ to: "/sequences/$sequenceId", params: { sequenceId: saved.id } });
      }
    }),
  );
  return (
    <form onSubmit={submit} noValidate>
      <UnsavedGuard dirty={form.isDirty() && !busy} />
      <FormError message={error} />
      <Panel title={t("sequences.settings")}>
        <TextInput
          label={t("sequences.name")}
          required
          maxLength={200}
          mb="sm"
          disabled={disabled}
          {...form.getInputProps("name")}
        />
        <EntryFields form={form} disabled={disabled} />
      </Panel>
      <Panel title={t("sequences.steps")}>
        <Text size="xs" c="dimmed" mb="sm">
          {t("rules.zone", { zone: format.zone(sequence?.time_zone ?? format.timeZone) })}
        </Text>
        <ol className={timeline}>
          {form.values.steps.map((step, index) => (
            <StepCard key={step.key} form={form} index={index} disabled={disabled} />
          ))}
        </ol>
        {disabled ? null : (
          <Button
            variant="default"
            leftSection={<IconPlus size={16} />}
            disabled={form.values.steps.length >= mostSteps}
            onClick={() => form.insertListItem("steps", newStep())}
          >
            {t("sequences.add_step")}
          </Button>
        )}
      </Panel>
      {isDraft ? null : (
        <Text size="sm" c="dimmed" mb="md">
          {t("sequences.edits_help")}
        </Text>
      )}
      {disabled ? null : (
        <Group justify="flex-end">
          <Button type="submit" loading={busy}>
            {t("common.save")}
          </Button>
        </Group>
      )}
    </form>
  );
}

export function NewSequenceScreen() {
  const t = useT();
  return (
    <Page title={t("sequences.create")} trail={[{ label: t("nav.sequences"), to: "/sequences" }]}>
      <SequenceEditor sequence={null} />
    </Page>
  );
}
