import { ColorSwatch, Group, Select, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { api, ifMatch } from "@/api/client";
import { refresh } from "@/api/query";
import type { List } from "@/api/types";
import { FormDialog } from "@/components/form/form-dialog";
import { useSubmit } from "@/components/form/use-submit";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";
import { colours, swatch } from "./colours";

export function ListDialog(props: { list: List | null; onClose: () => void }) {
  const t = useT();
  const { list } = props;
  const create = api.useMutation("post", "/v1/lists");
  const update = api.useMutation("patch", "/v1/lists/{id}");
  const form = useForm({
    initialValues: {
      name: list?.name ?? "",
      colour: list?.colour ?? ("teal" as List["colour"]),
      description: list?.description ?? "",
    },
    validate: { name: (value) => (value.trim() ? null : t("lists.name_missing")) },
  });
  const { busy, error, run } = useSubmit(form);
  const submit = form.onSubmit((values) =>
    run(async () => {
      const body = { ...values, name: values.name.trim() };
      if (list) {
        await update.mutateAsync({ params: { path: { id: list.id }, header: ifMatch(list.version) }, body });
      } else {
        await create.mutateAsync({ body });
      }
      await refresh("/v1/lists");
      notifyDone(t("common.saved"));
      props.onClose();
    }),
  );
  return (
    <FormDialog
      title={t(list ? "lists.edit" : "lists.create")}
      dirty={form.isDirty()}
      busy={busy}
      error={error}
      onSubmit={submit}
      onClose={props.onClose}
    >
      <TextInput label={t("common.name")} required data-autofocus {...form.getInputProps("name")} />
      <Select
        label={t("lists.colour")}
        allowDeselect={false}
        data={colours.map((colour) => ({ value: colour, label: t(`colour.${colour}`) }))}
        leftSection={<ColorSwatch size={14} color={swatch[form.values.colour]} withShadow={false} aria-hidden />}
        renderOption={({ option }) => (
          <Group gap="xs">
            <ColorSwatch size={14} color={swatch[option.value as List["colour"]]} withShadow={false} aria-hidden />
            {option.label}
          </Group>
        )}
        {...form.getInputProps("colour")}
      />
      <Textarea label={t("lists.description")} autosize minRows={2} {...form.getInputProps("description")} />
    </FormDialog>
  );
}
