import { Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconFingerprint } from "@tabler/icons-react";
import { client } from "@/api/client";
import { makePasskey } from "@/auth/passkey";
import { FormError } from "@/components/form/form-error";
import { useSubmit } from "@/components/form/use-submit";
import { useT } from "@/i18n";

/** A name, and the browser does the rest. Answers the recovery codes that came with it. */
export function PasskeySetup(props: { onDone: (codes: string[]) => void; onCancel: () => void }) {
  const t = useT();
  const form = useForm({
    initialValues: { name: "" },
    validate: { name: (value) => (value.trim() ? null : t("form.required")) },
  });
  const { busy, error, run } = useSubmit(form);
  const submit = form.onSubmit(({ name }) =>
    run(async () => {
      const options = await client.POST("/v1/auth/passkey-challenges");
      if (!options.data) {
        throw options.error;
      }
      const made = await makePasskey(options.data).catch((cause: unknown) => {
        const known = cause instanceof DOMException && cause.name === "InvalidStateError";
        throw new PasskeyError(t(known ? "passkey.known" : "factor.passkey_declined"));
      });
      const { token } = options.data;
      const answer = await client.POST("/v1/auth/passkeys", { body: { token, name: name.trim(), ...made } });
      if (!answer.data) {
        throw answer.error;
      }
      props.onDone(answer.data.recovery_codes);
    }),
  );
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        <Text size="sm">{t("passkey.help")}</Text>
        <FormError message={error} />
        <TextInput
          label={t("passkey.name")}
          placeholder={t("passkey.name_example")}
          maxLength={100}
          required
          data-autofocus
          {...form.getInputProps("name")}
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={props.onCancel}>
            {t("common.cancel")}
          </Button>
          <Button type="submit" loading={busy} leftSection={<IconFingerprint size={16} />}>
            {t("passkey.make")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** What the browser refused, in words: shaped like a problem, so that the form shows it. */
class PasskeyError extends Error {
  status = 0;
  code = "passkey_declined";
  title: string;

  constructor(message: string) {
    super(message);
    this.title = message;
  }
}
