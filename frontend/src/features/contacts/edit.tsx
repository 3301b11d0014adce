import { Button, Group, Select, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import type { Contact, ContactField, ContactStatus } from "@/api/types";
import { FormError } from "@/components/form/form-error";
import { useSubmit } from "@/components/form/use-submit";
import { Dialog } from "@/components/ui/dialog";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";
import { FieldInput } from "./field-input";
import { updateContact } from "./queries";
import { statuses } from "./search";

export function EditContactDialog(props: { contact: Contact; fields: readonly ContactField[]; onClose: () => void }) {
  const t = useT();
  const { contact } = props;
  const form = useForm({
    initialValues: {
      email: contact.email,
      name: contact.name,
      status: contact.status,
      fields: { ...contact.fields } as Record<string, unknown>,
    },
    validate: { email: (value) => (value.trim() ? null : t("contacts.email_missing")) },
  });
  const { busy, error, run } = useSubmit(form);
  const submit = form.onSubmit((values) =>
    run(async () => {
      const changed = Object.entries(values.fields).filter(([key, value]) => value !== contact.fields?.[key]);
      await updateContact(contact, {
        email: values.email.trim() === contact.email ? undefined : values.email.trim(),
        name: values.name.trim() === contact.name ? undefined : values.name.trim(),
        status: values.status === contact.status ? undefined : values.status,
        fields: changed.length > 0 ? Object.fromEntries(changed) : undefined,
      });
      notifyDone(t("common.saved"));
      props.onClose();
    }),
  );
  return (
    <Dialog opened onClose={props.onClose} title={t("contacts.edit")} closeOnClickOutside={!form.isDirty()}>
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">
          <FormError message={error} />
          <TextInput
            label={t("contacts.email")}
            required
            inputMode="email"
            autoCapitalize="none"
            spellCheck={false}
            {...form.getInputProps("email")}
          />
          <TextInput label={t("contacts.name")} {...form.getInputProps("name")} />
          <Select
            label={t("contacts.status")}
            description={t("contacts.status_help")}
            allowDeselect={false}
            data={statuses.map((status: ContactStatus) => ({ value: status, label: t(`contact_status.${status}`) }))}
            {...form.getInputProps("status")}
          />
          {props.fields.map((field) => (
            <FieldInput
              key={field.id}
              field={field}
              value={form.values.fields[field.key]}
              error={form.errors[`fields.${field.key}`]}
              onChange={(value) => form.setFieldValue(`fields.${field.key}`, value)}
            />
          ))}
          <Group justify="flex-end" mt="xs">
            <Button variant="default" onClick={props.onClose}>
              {t("common.cancel")}
            </Button>
            <Button type="submit" loading={busy} disabled={!form.isDirty()}>
              {t("common.save")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
