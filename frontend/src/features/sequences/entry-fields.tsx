import { Alert, Checkbox, Group, NumberInput, Radio, Select, Stack } from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";
import { api } from "@/api/client";
import { ListSelect } from "@/components/pickers/lists";
import { useT } from "@/i18n";
import type { Values } from "./values";

/** Who comes in, and what else holds for the whole sequence. */
export function EntryFields({ form, disabled }: { form: UseFormReturnType<Values>; disabled: boolean }) {
  const t = useT();
  const fields = api.useQuery("get", "/v1/contact-fields");
  const dates = (fields.data?.items ?? []).filter((field) => field.type === "date");
  const { entry, side } = form.values;
  const input = (name: string) => ({ ...form.getInputProps(name), disabled });
  const check = (name: string) => ({ ...form.getInputProps(name, { type: "checkbox" }), disabled });
  return (
    <Stack gap="sm">
      <Radio.Group label={t("sequences.entry")} {...form.getInputProps("entry")}>
        <Stack gap="xs" mt="xs">
          {(["manual", "list", "date"] as const).map((kind) => (
            <Radio
              key={kind}
              value={kind}
              label={t(`sequences.entry_${kind}`)}
              description={t(`sequences.entry_${kind}_help`)}
              disabled={disabled}
            />
          ))}
        </Stack>
      </Radio.Group>
      {entry === "list" ? (
        <ListSelect label={t("sequences.list")} required allowDeselect={false} {...input("list_id")} />
      ) : null}
      {entry === "date" && fields.data && dates.length === 0 ? (
        <Alert color="gray" variant="outline">
          {t("date_mails.no_field")}
        </Alert>
      ) : null}
      {entry === "date" ? (
        <Group gap="sm" align="flex-start">
          <Select
            label={t("date_mails.field")}
            required
            allowDeselect={false}
            data={dates.map((field) => ({ value: field.key, label: field.label }))}
            {...input("field")}
          />
          <Select
            label={t("sequences.start_day")}
            w={150}
            allowDeselect={false}
            data={(["before", "on", "after"] as const).map((value) => ({ value, label: t(`date_mails.${value}`) }))}
            {...input("side")}
          />
          {side === "on" ? null : (
            <NumberInput label={t("date_mails.days_count")} min={1} max={365} w={110} {...input("days")} />
          )}
          <Select
            label={t("date_mails.repeat")}
            w={130}
            allowDeselect={false}
            data={(["once", "yearly"] as const).map((value) => ({ value, label: t(`date_mails.${value}`) }))}
            {...input("repeat")}
          />
        </Group>
      ) : null}
      {entry === "list" ? <Checkbox label={t("sequences.leave_with_list")} {...check("leave_with_list")} /> : null}
      <Checkbox label={t("sequences.reenter")} description={t("sequences.reenter_help")} {...check("reenter")} />
      <Checkbox
        label={t("sequences.cap_exempt")}
        description={t("sequences.cap_exempt_help")}
        {...check("cap_exempt")}
      />
    </Stack>
  );
}
