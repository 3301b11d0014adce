import { Button, Group, Select, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { api, ifMatch } from "@/api/client";
import { refresh } from "@/api/query";
import type { Folder } from "@/api/types";
import { FormError } from "@/components/form/form-error";
import { useSubmit } from "@/components/form/use-submit";
import { Dialog } from "@/components/ui/dialog";
import { useT } from "@/i18n";
import { flattenFolders, folderOptions, possibleParents } from "./tree";

export function FolderDialog(props: {
  kind: Folder["kind"];
  folder: Folder | null;
  folders: readonly Folder[];
  onClose: () => void;
}) {
  const t = useT();
  const { folder } = props;
  const create = api.useMutation("post", "/v1/folders");
  const update = api.useMutation("patch", "/v1/folders/{id}");
  const form = useForm<{ name: string; parent_id: string | null }>({
    initialValues: { name: folder?.name ?? "", parent_id: folder?.parent_id ?? null },
    validate: { name: (value) => (value.trim() ? null : t("form.required")) },
  });
  const { busy, error, run } = useSubmit(form);
  const submit = form.onSubmit((values) =>
    run(async () => {
      const body = { name: values.name.trim(), parent_id: values.parent_id };
      if (folder) {
        await update.mutateAsync({ params: { path: { id: folder.id }, header: ifMatch(folder.version) }, body });
      } else {
        await create.mutateAsync({ body: { ...body, kind: props.kind } });
      }
      await refresh("/v1/folders");
      props.onClose();
    }),
  );
  const parents = folder ? possibleParents(props.folders, folder.id) : flattenFolders(props.folders);
  return (
    <Dialog opened size="sm" onClose={props.onClose} title={t(folder ? "folders.edit" : "folders.create")}>
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">
          <FormError message={error} />
          <TextInput label={t("common.name")} required data-autofocus {...form.getInputProps("name")} />
          <Select
            label={t("folders.parent")}
            placeholder={t("folders.top")}
            clearable
            clearButtonProps={{ "aria-label": t("picker.clear") }}
            data={folderOptions(parents)}
            {...form.getInputProps("parent_id")}
          />
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
    </Dialog>
  );
}
