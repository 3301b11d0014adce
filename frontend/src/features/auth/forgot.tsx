import { Alert, Anchor, Button, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { FormError } from "@/components/form/form-error";
import { useSubmit } from "@/components/form/use-submit";
import { useT } from "@/i18n";
import { AuthFrame } from "./frame";
import { requestReset } from "./public";

/** Asks for a link. Whether there is such a person is said to nobody. */
export function ForgotScreen() {
  const t = useT();
  const [sent, setSent] = useState(false);
  const form = useForm({
    initialValues: { login: "" },
    validate: { login: (value) => (value.trim() ? null : t("auth.login_id_missing")) },
  });
  const { busy, error, run } = useSubmit(form);
  const submit = form.onSubmit(({ login }) =>
    run(async () => {
      await requestReset(login.trim());
      setSent(true);
    }),
  );
  return (
    <AuthFrame title={t("forgot.title")}>
      <Stack gap="sm">
        {sent ? (
          <Alert color="teal" variant="outline" role="status">
            {t("forgot.sent")}
          </Alert>
        ) : (
          <form onSubmit={submit} noValidate>
            <Stack gap="sm">
              <Text size="sm">{t("forgot.body")}</Text>
              <FormError message={error} />
              <TextInput
                label={t("forgot.login")}
                autoComplete="username"
                autoCapitalize="none"
                spellCheck={false}
                autoFocus
                maxLength={320}
                {...form.getInputProps("login")}
              />
              <Button type="submit" fullWidth loading={busy}>
                {t("forgot.send")}
              </Button>
            </Stack>
          </form>
        )}
        <Anchor component={Link} to="/login" size="sm">
          {t("forgot.back")}
        </Anchor>
      </Stack>
    </AuthFrame>
  );
}
