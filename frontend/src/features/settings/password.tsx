import { Alert, Button, Group, PasswordInput, Stack } from "@mantine/core";
import { useForm } from "@mantine/form";
import { api, client } from "@/api/client";
import { useMe } from "@/auth/guard";
import { session } from "@/auth/session";
import { FormError } from "@/components/form/form-error";
import { isTooShort, leastLength, NewPasswordFields } from "@/components/form/password-fields";
import { useSubmit } from "@/components/form/use-submit";
import { Page, Panel } from "@/components/layout/page";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";

/** The company's rules and leaks, as the server sees them. */
async function judge(password: string, signal: AbortSignal) {
  const { data } = await client.POST("/v1/auth/password-checks", { body: { password }, signal });
  return data ?? null;
}

export function PasswordScreen() {
  const t = useT();
  const format = useFormat();
  const me = useMe();
  const tenant = api.useQuery("get", "/v1/tenant");
  const minLength = tenant.data?.password_policy.min_length ?? leastLength;
  const history = tenant.data?.password_policy.history ?? 0;
  const change = api.useMutation("post", "/v1/auth/password");
  const form = useForm({
    initialValues: { current_password: "", new_password: "", repeated: "" },
    validate: {
      current_password: (value) => (value ? null : t("auth.password_missing")),
      new_password: (value) => (isTooShort(value, minLength) ? t("password.too_short", { n: minLength }) : null),
      repeated: (value, { new_password }) => (value === new_password ? null : t("password.differs")),
    },
  });
  const { busy, error, run } = useSubmit(form);
  const submit = form.onSubmit(({ current_password, new_password }) =>
    run(async () => {
      await change.mutateAsync({ body: { current_password, new_password } });
      form.reset();
      const { data } = await client.GET("/v1/me");
      if (data) {
        session.setMe(data);
      }
      notifyDone(t("password.changed"));
    }),
  );
  const { must_change, expires_at } = me.password;
  return (
    <Page title={t("nav.password")} description={t("password.description")} narrow>
      {must_change || expires_at ? (
        <Alert color={must_change ? "orange" : "gray"} variant="outline" mb="md" role="status">
          {must_change || !expires_at
            ? t("password.must_change")
            : t("password.expires", { at: format.dateTime(expires_at) })}
        </Alert>
      ) : null}
      <Panel>
        <form onSubmit={submit} noValidate>
          <Stack gap="sm" maw={420}>
            <FormError message={error} />
            <PasswordInput
              label={t("password.current")}
              autoComplete="current-password"
              required
              visibilityToggleButtonProps={{ "aria-label": t("auth.show_password") }}
              {...form.getInputProps("current_password")}
            />
            <NewPasswordFields
              value={form.values.new_password}
              minLength={minLength}
              judge={judge}
              saving={busy}
              first={form.getInputProps("new_password")}
              second={form.getInputProps("repeated")}
            />
            {history > 0 ? (
              <Alert variant="transparent" p={0} color="gray" title={t("password.history", { n: history })} />
            ) : null}
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
