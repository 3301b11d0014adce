import { Button, Group, Select, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useNavigate } from "@tanstack/react-router";
import { api } from "@/api/client";
import { offeredTemplates } from "@/components/editor/templates";
import { useFolders } from "@/components/folders/folder-nav";
import { flattenFolders, folderOptions } from "@/components/folders/tree";
import { FormError } from "@/components/form/form-error";
import { useSubmit } from "@/components/form/use-submit";
import { Dialog } from "@/components/ui/dialog";
import { useLocale, useT } from "@/i18n";
import { createMail } from "./queries";

export function CreateMailDialog(props: { opened: boolean; folderId: string | null; onClose: () => void }) {
  const t = useT();
  return (
    <Dialog opened={props.opened} onClose={props.onClose} title={t("mails.create")}>
      {props.opened ? <CreateForm folderId={props.folderId} onClose={props.onClose} /> : null}
    </Dialog>
  );
}

function CreateForm(props: { folderId: string | null; onClose: () => void }) {
  const t = useT();
  const locale = useLocale();
  const navigate = useNavigate();
  const folders = useFolders("mail");
  const templates = api.useQuery("get", "/v1/templates", { params: { query: { limit: 200 } } });
  const form = useForm<{ name: string; folder_id: string | null; from_template_id: string | null }>({
    initialValues: { name: "", folder_id: props.folderId, from_template_id: null },
    validate: { name: (value) => (value.trim() ? null : t("form.required")) },
  });
  const { busy, error, run } = useSubmit(form);
  const submit = form.onSubmit((values) =>
    run(async () => {
      const mail = await createMail({
        name: values.name.trim(),
        folder_id: values.folder_id ?? undefined,
        from_template_id: values.from_template_id ?? undefined,
      });
      await navigate({ to: "/mails/$mailId", params: { mailId: mail.id } });
    }),
  );
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        <FormError message={error} />
        <TextInput
          label={t("mails.name")}
          description={t("mails.name_help")}
          required
          data-autofocus
          {...form.getInputProps("name")}
        />
        <Select
          label={t("mails.template")}
          placeholder={t("mails.blank")}
          clearable
          searchable
          clearButtonProps={{ "aria-label": t("picker.clear") }}
          nothingFoundMessage={t("picker.nothing")}
          data={offeredTemplates(templates.data?.items ?? [], locale).map((item) => ({
            value: item.id,
            label: item.supplied ? item.name + t("common.in_brackets", { text: t("templates.supplied") }) : item.name,
          }))}
          {...form.getInputProps("from_template_id")}
        />
        <Select
          label={t("folders.folder")}
          placeholder={t("folders.top")}
          clearable
          clearButtonProps={{ "aria-label": t("picker.clear") }}
          data={folderOptions(flattenFolders(folders.data?.items ?? []))}
          {...form.getInputProps("folder_id")}
        />
        <Group justify="flex-end" mt="xs">
          <Button variant="default" onClick={props.onClose}>
            {t("common.cancel")}
          </Button>
          <Button type="submit" loading={busy}>
            {t("mails.create_and_write")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
