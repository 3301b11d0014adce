import { Checkbox, Select, TagsInput, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { api, ifMatch } from "@/api/client";
import { refresh } from "@/api/query";
import type { ContactField, FieldType } from "@/api/types";
import { FormDialog } from "@/components/form/form-dialog";
import { useSubmit } from "@/components/form/use-submit";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";

const types: readonly FieldType[] = [
  "text",
  "long_text",
  "number",
  "date",
  "datetime",
  "boolean",
  "choice",
  "multi_choice",
  "url",
  "phone",
];

export function FieldDialog(props: { field: ContactField | null; onClose: () => void }) {
  const t = useT();
  const { field } = props;
  const create = api.useMutation("post", "/v1/contact-fields");
  const update = api.useMutation("patch", "/v1/contact-fields/{id}");
  const form = useForm({
    initialValues: {
      label: field?.label ?? "",
      key: field?.key ?? "",
      type: field?.type ?? ("text" as FieldType),
      required: field?.required ?? false,
      unique: field?.unique ?? false,
      choices: field?.choices ?? [],
    },
    validate: {
      label: (value) => (value.trim() ? null : t("form.required")),
      key: (value) => (/^[a-z][a-z0-9_]*$/.test(value) ? null : t("fields.key_help")),
      choices: (value, { type }) => (hasChoices(type) && value.length === 0 ? t("form.required") : null),
    },
  });
  const { busy, error, run } = useSubmit(form);
  const submit = form.onSubmit((values) =>
    run(async () => {
      const { key, type, choices, ...rest } = values;
      const body = { ...rest, label: rest.label.trim(), choices: hasChoices(type) ? choices : [] };
      if (field) {
        await update.mutateAsync({ params: { path: { id: field.id }, header: ifMatch(field.version) }, body });
      } else {
        await create.mutateAsync({ body: { ...body, key, type } });
      }
      await refresh("/v1/contact-fields", "/v1/merge-fields");
      notifyDone(t("common.saved"));
      props.onClose();
    }),
  );
  return (
    <FormDialog
      title={t(field ? "fields.edit" : "fields.create")}
      dirty={form.isDirty()}
      busy={busy}
      error={error}
      onSubmit={submit}
      onClose={props.onClose}
    >
      <TextInput label={t("fields.label")} required data-autofocus {...form.getInputProps("label")} />
      <TextInput
        label={t("fields.key")}
        description={t("fields.key_help")}
        required
        disabled={field !== null}
        className="kb-mono"
        {...form.getInputProps("key")}
      />
      <Select
        label={t("fields.type")}
        allowDeselect={false}
        disabled={field !== null}
        data={types.map((type) => ({ value: type, label: t(`field_type.${type}`) }))}
        {...form.getInputProps("type")}
      />
      {hasChoices(form.values.type) ? (
        <TagsInput
          label={t("fields.choices")}
          description={t("fields.choices_help")}
          required
          {...form.getInputProps("choices")}
        />
      ) : null}
      <Checkbox label={t("fields.required")} {...form.getInputProps("required", { type: "checkbox" })} />
      <Checkbox label={t("fields.unique")} {...form.getInputProps("unique", { type: "checkbox" })} />
    </FormDialog>
  );
}

function hasChoices(type: FieldType): boolean {
  return type === "choice" || type === "multi_choice";
}
