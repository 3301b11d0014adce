import { Button, Group, PasswordInput, Stack } from "@mantine/core";
import { useForm } from "@mantine/form";
import { api } from "@/api/client";
import { FormError } from "@/components/form/form-error";
import { useSubmit } from "@/components/form/use-submit";
import { Page, Panel } from "@/components/layout/page";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";
import { passwordProblem } from "./password-rule";

export function PasswordScreen() {
  const t = useT();
  const change = api.useMutation("post", "/v1/auth/password");
  const form = useForm({
    initialValues: { current_password: "", new_password: "", repeated: "" },
    validate: {
      current_password: (value) => (value ? null : t("auth.password_missing")),
      new_password: (value) => passwordProblem(value, t),
      repeated: (value, { new_password }) => (value === new_password ? null : t("password.differs")),
    },
  });
  const { busy, error, run } = useSubmit(form);
  const submit = form.onSubmit(({ current_password, new_password }) =>
    run(async () => {
      await change.mutateAsync({ body: { current_password, new_password } });
      form.reset();
      notifyDone(t("password.changed"));
    }),
  );
  const toggle = { "aria-label": t("auth.show_password") };
  return (
    <Page title={t("nav.password")} description={t("password.description")} narrow>
      <Panel>
        <form onSubmit={submit} noValidate>
          <Stack gap="sm" maw={420}>
            <FormError message={error} />
            <PasswordInput
              label={t("password.current")}
              autoComplete="current-password"
              required
              visibilityToggleButtonProps={toggle}
              {...form.getInputProps("current_password")}
            />
            <PasswordInput
              label={t("password.new")}
              description={t("password.rule")}
              autoComplete="new-password"
              required
              visibilityToggleButtonProps={toggle}
              {...form.getInputProps("new_password")}
            />
            <PasswordInput
              label={t("password.repeat")}
              autoComplete="new-password"
              required
              visibilityToggleButtonProps={toggle}
              {...form.getInputProps("repeated")}
            />
            <Group>
              <Button type="submit" loading={busy}>
                {t("password.change")}
              </Button>
            </Group>
          </Stack>
        </form>
      </Panel>
    </Page>
  );
}
