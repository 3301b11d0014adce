import { Button, Group, SegmentedControl, Stack, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { api } from "@/api/client";
import { refresh } from "@/api/query";
import { FormError } from "@/components/form/form-error";
import { useSubmit } from "@/components/form/use-submit";
import { Dialog } from "@/components/ui/dialog";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";

export function SuppressionDialog(props: { onClose: () => void }) {
  const t = useT();
  const create = api.useMutation("post", "/v1/suppressions");
  const form = useForm<{ kind: "address" | "domain"; value: string; note: string }>({
    initialValues: { kind: "address", value: "", note: "" },
    validate: { value: (value) => (value.trim() ? null : t("suppressions.value_missing")) },
  });
  const { busy, error, run } = useSubmit(form);
  const submit = form.onSubmit((values) =>
    run(async () => {
      await create.mutateAsync({
        body: { kind: values.kind, value: values.value.trim(), note: values.note.trim() },
      });
      await refresh("/v1/suppressions", "/v1/contacts");
      notifyDone(t("common.saved"));
      props.onClose();
    }),
  );
  return (
    <Dialog opened onClose={props.onClose} title={t("suppressions.create_title")}>
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">
          <FormError message={error} />
          <SegmentedControl
            aria-label={t("suppressions.kind")}
            data={[
              { value: "address", label: t("suppressions.kind_address") },
              { value: "domain", label: t("suppressions.kind_domain") },
            ]}
            {...form.getInputProps("kind")}
          />
          <TextInput
            label={t(`suppressions.kind_${form.values.kind}`)}
            required
            autoCapitalize="none"
            spellCheck={false}
            placeholder={form.values.kind === "address" ? "taro@example.jp" : "example.jp"}
            data-autofocus
            {...form.getInputProps("value")}
          />
          <Textarea label={t("suppressions.note")} autosize minRows={2} {...form.getInputProps("note")} />
          <Group justify="flex-end" mt="xs">
            <Button variant="default" onClick={props.onClose}>
              {t("common.cancel")}
            </Button>
            <Button type="submit" loading={busy}>
              {t("suppressions.create")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
