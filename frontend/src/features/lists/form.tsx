import { Button, ColorSwatch, Group, Modal, Select, Stack, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { api, ifMatch } from "@/api/client";
import { refresh } from "@/api/query";
import type { List } from "@/api/types";
import { FormError } from "@/components/form/form-error";
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
    <Modal
      opened
      onClose={props.onClose}
      title={t(list ? "lists.edit" : "lists.create")}
      closeOnClickOutside={!form.isDirty()}
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">
          <FormError message={error} />
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
          <Group justify="flex-end" mt="xs">
            <Button variant="default" onClick={props.onClose}>
              {t("common.cancel")}
            </Button>
            <Button type="submit" loading={busy}>
              {t("common.save")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
