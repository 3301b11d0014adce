import { Button, Checkbox, Group, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { client } from "@/api/client";
import { refresh } from "@/api/query";
import type { Contact } from "@/api/types";
import { FormError } from "@/components/form/form-error";
import { useSubmit } from "@/components/form/use-submit";
import { Dialog } from "@/components/ui/dialog";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";

/** Asks twice for the address, since there is no way back. */
export function EraseDialog(props: { contact?: Contact; onClose: () => void; onDone?: () => void }) {
  const t = useT();
  const { contact } = props;
  const form = useForm({
    initialValues: { address: contact?.email ?? "", repeat: "", keep_blocked: true, note: "" },
    validate: {
      address: (value) => (value.includes("@") ? null : t("erasures.repeat_wrong")),
      repeat: (value, { address }) => (value.trim() === address.trim() ? null : t("erasures.repeat_wrong")),
    },
  });
  const { busy, error, run } = useSubmit(form);
  const submit = form.onSubmit(({ address, keep_blocked, note }) =>
    run(async () => {
      const who = contact ? { contact_id: contact.id } : { address: address.trim() };
      const answer = await client.POST("/v1/erasures", { body: { ...who, keep_blocked, note: note.trim() } });
      if (!answer.data) {
        throw answer.error;
      }
      await refresh("/v1/erasures", "/v1/contacts", "/v1/summary");
      notifyDone(t("erasures.begun"));
      props.onClose();
      props.onDone?.();
    }),
  );
  return (
    <Dialog opened onClose={props.onClose} title={t("erasures.dialog_title")} closeOnClickOutside={false}>
      <form onSubmit={submit} noValidate autoComplete="off">
        <Stack gap="sm">
          <FormError message={error} />
          {contact ? null : (
            <TextInput
              label={t("erasures.address")}
              description={t("erasures.address_help")}
              required
              autoCapitalize="none"
              spellCheck={false}
              maxLength={320}
              data-autofocus
              {...form.getInputProps("address")}
            />
          )}
          <Text size="sm">{t("erasures.dialog_body", { address: form.values.address || "–" })}</Text>
          <Text size="sm" c="dimmed">
            {t("erasures.dialog_ledger")}
          </Text>
          <Checkbox
            label={t("erasures.keep_blocked")}
            description={t("erasures.keep_blocked_help")}
            {...form.getInputProps("keep_blocked", { type: "checkbox" })}
          />
          <TextInput label={t("erasures.note")} maxLength={500} {...form.getInputProps("note")} />
          <TextInput
            label={t("erasures.repeat")}
            required
            autoCapitalize="none"
            spellCheck={false}
            maxLength={320}
            {...form.getInputProps("repeat")}
          />
          <Group justify="flex-end" mt="xs">
            <Button variant="default" onClick={props.onClose}>
              {t("common.cancel")}
            </Button>
            <Button type="submit" color="red.9" loading={busy}>
              {t("erasures.confirm")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
