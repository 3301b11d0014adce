import { Loader, Tabs, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { lazy, Suspense } from "react";
import { api, ifMatch } from "@/api/client";
import { refresh } from "@/api/query";
import type { Block } from "@/api/types";
import { FormDialog } from "@/components/form/form-dialog";
import { useSubmit } from "@/components/form/use-submit";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";

const HtmlEditor = lazy(() => import("@/components/editor/html-editor"));

export function BlockDialog(props: { block: Block | null; onClose: () => void }) {
  const t = useT();
  const { block } = props;
  const create = api.useMutation("post", "/v1/blocks");
  const update = api.useMutation("patch", "/v1/blocks/{id}");
  const form = useForm({
    initialValues: { key: block?.key ?? "", name: block?.name ?? "", html: block?.html ?? "", text: block?.text ?? "" },
    validate: {
      name: (value) => (value.trim() ? null : t("form.required")),
      key: (value) => (/^[a-z][a-z0-9_]*$/.test(value) ? null : t("blocks.key_help")),
    },
  });
  const { busy, error, run } = useSubmit(form);
  const submit = form.onSubmit((values) =>
    run(async () => {
      const body = { ...values, name: values.name.trim() };
      if (block) {
        await update.mutateAsync({ params: { path: { id: block.id }, header: ifMatch(block.version) }, body });
      } else {
        await create.mutateAsync({ body });
      }
      await refresh("/v1/blocks", "/v1/merge-fields");
      notifyDone(t("common.saved"));
      props.onClose();
    }),
  );
  return (
    <FormDialog
      size="lg"
      title={t(block ? "blocks.edit" : "blocks.create")}
      dirty={form.isDirty()}
      busy={busy}
      error={error}
      onSubmit={submit}
      onClose={props.onClose}
    >
      <TextInput label={t("common.name")} required data-autofocus {...form.getInputProps("name")} />
      <TextInput label={t("blocks.key")} description={t("blocks.key_help")} required {...form.getInputProps("key")} />
      <Tabs defaultValue="html" keepMounted={false}>
        <Tabs.List mb="xs">
          <Tabs.Tab value="html">{t("blocks.html")}</Tabs.Tab>
          <Tabs.Tab value="text">{t("blocks.text")}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="html">
          <Suspense fallback={<Loader size="sm" aria-label={t("state.loading")} />}>
            <HtmlEditor
              label={t("blocks.html")}
              value={form.values.html}
              onChange={(html) => form.setFieldValue("html", html)}
            />
          </Suspense>
        </Tabs.Panel>
        <Tabs.Panel value="text">
          <Textarea aria-label={t("blocks.text")} autosize minRows={10} {...form.getInputProps("text")} />
        </Tabs.Panel>
      </Tabs>
    </FormDialog>
  );
}
