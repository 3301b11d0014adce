import "@mantine/dates/styles.layer.css";
import { Alert, Group, NumberInput, Radio, Select, Stack, Text, TextInput } from "@mantine/core";
import { TimeInput } from "@mantine/dates";
import { useForm } from "@mantine/form";
import { api, ifMatch } from "@/api/client";
import { refresh } from "@/api/query";
import type { DateMail } from "@/api/types";
import { FormDialog } from "@/components/form/form-dialog";
import { useSubmit } from "@/components/form/use-submit";
import { ListsSelect } from "@/components/pickers/lists-select";
import { MailSelect, useMailSearch } from "@/components/pickers/mail";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";

const mostDays = 365;

/** Makes or changes a date mail. */
export function DateMailForm({ dateMail, onClose }: { dateMail: DateMail | null; onClose: () => void }) {
  const t = useT();
  const format = useFormat();
  const create = api.useMutation("post", "/v1/date-mails");
  const update = api.useMutation("put", "/v1/date-mails/{id}");
  const fields = api.useQuery("get", "/v1/contact-fields");
  const dates = (fields.data?.items ?? []).filter((field) => field.type === "date");
  const form = useForm({
    initialValues: {
      name: dateMail?.name ?? "",
      mail_id: dateMail?.mail_id ?? (null as string | null),
      field: dateMail?.field ?? (null as string | null),
      side: (dateMail?.offset_days ?? 0) === 0 ? "on" : (dateMail?.offset_days ?? 0) < 0 ? "before" : "after",
      days: Math.abs(dateMail?.offset_days ?? 3) || (3 as number | string),
      repeat: dateMail?.repeat ?? ("yearly" as "yearly" | "once"),
      send_at: dateMail?.send_at ?? "09:00",
      everybody: (dateMail?.audience.all ?? true) ? "all" : "lists",
      list_ids: dateMail?.audience.list_ids ?? ([] as string[]),
      exclude_list_ids: dateMail?.audience.exclude_list_ids ?? ([] as string[]),
    },
    validate: {
      name: (value) => (value.trim() ? null : t("form.required")),
      mail_id: (value) => (value ? null : t("form.required")),
      field: (value) => (value ? null : t("form.required")),
      send_at: (value) => (/^\d\d:\d\d$/.test(value) ? null : t("form.required")),
      days: (value, { side }) =>
        side === "on" || (typeof value === "number" && value >= 1 && value <= mostDays)
          ? null
          : t("rules.range", { min: 1, max: mostDays }),
      list_ids: (value, { everybody }) => (everybody === "all" || value.length > 0 ? null : t("form.required")),
    },
  });
  const mails = useMailSearch(form.values.mail_id);
  const { busy, error, run } = useSubmit(form);
  const submit = form.onSubmit((values) =>
    run(async () => {
      const days = Number(values.days);
      const body = {
        name: values.name.trim(),
        mail_id: values.mail_id ?? "",
        field: values.field ?? "",
        offset_days: values.side === "on" ? 0 : values.side === "before" ? -days : days,
        repeat: values.repeat,
        send_at: values.send_at,
        time_zone: dateMail?.time_zone ?? format.timeZone,
        audience: {
          all: values.everybody === "all",
          list_ids: values.everybody === "all" ? [] : values.list_ids,
          exclude_list_ids: values.exclude_list_ids,
        },
      };
      if (dateMail) {
        await update.mutateAsync({
          params: { path: { id: dateMail.id }, header: ifMatch(dateMail.version) },
          body,
        });
      } else {
        await create.mutateAsync({ body });
      }
      await refresh("/v1/date-mails", "/v1/campaign-calendar", "/v1/campaigns", "/v1/summary");
      notifyDone(t("common.saved"));
      onClose();
    }),
  );
  return (
    <FormDialog
      size="lg"
      title={t(dateMail ? "date_mails.edit" : "date_mails.create")}
      dirty={form.isDirty()}
      busy={busy}
      error={error}
      onSubmit={submit}
      onClose={onClose}
    >
      {fields.data && dates.length === 0 ? (
        <Alert color="gray" variant="outline">
          {t("date_mails.no_field")}
        </Alert>
      ) : null}
      <TextInput label={t("date_mails.name")} required {...form.getInputProps("name")} />
      <MailSelect search={mails} {...form.getInputProps("mail_id")} />
      <Select
        label={t("date_mails.field")}
        description={t("date_mails.field_help")}
        required
        allowDeselect={false}
        data={dates.map((field) => ({ value: field.key, label: field.label }))}
        {...form.getInputProps("field")}
      />
      <Group gap="sm" align="flex-end">
        <Select
          label={t("date_mails.when")}
          allowDeselect={false}
          w={160}
          data={[
            { value: "before", label: t("date_mails.before") },
            { value: "on", label: t("date_mails.on") },
            { value: "after", label: t("date_mails.after") },
          ]}
          {...form.getInputProps("side")}
        />
        {form.values.side === "on" ? null : (
          <NumberInput
            label={t("date_mails.days_count")}
            min={1}
            max={mostDays}
            w={120}
            {...form.getInputProps("days")}
          />
        )}
        <TimeInput label={t("date_mails.send_at")} w={120} {...form.getInputProps("send_at")} />
      </Group>
      <Text size="xs" c="dimmed">
        {t("rules.zone", { zone: format.zone(dateMail?.time_zone ?? format.timeZone) })}
      </Text>
      <Radio.Group label={t("date_mails.repeat")} {...form.getInputProps("repeat")}>
        <Stack gap="xs" mt="xs">
          <Radio value="yearly" label={t("date_mails.yearly")} description={t("date_mails.yearly_help")} />
          <Radio value="once" label={t("date_mails.once")} description={t("date_mails.once_help")} />
        </Stack>
      </Radio.Group>
      <Radio.Group label={t("wizard.audience")} {...form.getInputProps("everybody")}>
        <Stack gap="xs" mt="xs">
          <Radio value="all" label={t("wizard.audience_all")} />
          <Radio value="lists" label={t("wizard.audience_lists")} />
        </Stack>
      </Radio.Group>
      {form.values.everybody === "lists" ? (
        <ListsSelect
          label={t("wizard.include")}
          value={form.values.list_ids}
          onChange={(ids) => form.setFieldValue("list_ids", ids)}
          error={form.errors.list_ids}
        />
      ) : null}
      <ListsSelect
        label={t("wizard.exclude")}
        value={form.values.exclude_list_ids}
        onChange={(ids) => form.setFieldValue("exclude_list_ids", ids)}
        error={form.errors.exclude_list_ids}
      />
      {dateMail?.state === "active" ? (
        <Text size="sm" c="dimmed">
          {t("date_mails.edits_help")}
        </Text>
      ) : null}
    </FormDialog>
  );
}
