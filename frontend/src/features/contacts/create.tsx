import { Button, Group, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import type { ContactField } from "@/api/types";
import { FormError } from "@/components/form/form-error";
import { useSubmit } from "@/components/form/use-submit";
import { ListsSelect } from "@/components/pickers/lists-select";
import { Dialog } from "@/components/ui/dialog";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";
import { FieldInput } from "./field-input";
import { type ContactValues, createContact } from "./queries";

export default function CreateContactDialog(props: { onClose: () => void; fields: readonly ContactField[] }) {
  const t = useT();
  const navigate = useNavigate();
  const [lists, setLists] = useState<string[]>([]);
  const form = useForm<ContactValues>({
    initialValues: { email: "", name: "", fields: {} },
    validate: { email: (value) => (value.trim() ? null : t("contacts.email_missing")) },
  });
  const { busy, error, run } = useSubmit(form);
  const close = () => {
    form.reset();
    setLists([]);
    props.onClose();
  };
  const submit = form.onSubmit((values) =>
    run(async () => {
      const contact = await createContact(values, lists);
      notifyDone(t("contacts.created", { email: contact.email }));
      close();
      void navigate({ to: "/contacts/$contactId", params: { contactId: contact.id } });
    }),
  );
  return (
    <Dialog opened onClose={close} title={t("contacts.create")} closeOnClickOutside={!form.isDirty()}>
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">
          <FormError message={error} />
          <TextInput
            label={t("contacts.email")}
            required
            inputMode="email"
            autoCapitalize="none"
            spellCheck={false}
            data-autofocus
            {...form.getInputProps("email")}
          />
          <TextInput label={t("contacts.name")} {...form.getInputProps("name")} />
          {props.fields.map((field) => (
            <FieldInput
              key={field.id}
              field={field}
              value={form.values.fields[field.key]}
              error={form.errors[`fields.${field.key}`]}
              onChange={(value) => form.setFieldValue(`fields.${field.key}`, value)}
            />
          ))}
          <ListsSelect label={t("nav.lists")} value={lists} onChange={setLists} />
          <Group justify="flex-end" mt="xs">
            <Button variant="default" onClick={close}>
              {t("common.cancel")}
            </Button>
            <Button type="submit" loading={busy}>
              {t("common.add")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
