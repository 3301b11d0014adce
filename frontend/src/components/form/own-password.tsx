import { Alert, Button, Group, PasswordInput, Stack } from "@mantine/core";
import { useForm } from "@mantine/form";
import { api, client } from "@/api/client";
import { useMe } from "@/auth/guard";
import { rereadMe } from "@/auth/step-up";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";
import { FormError } from "./form-error";
import { isTooShort, leastLength, NewPasswordFields } from "./password-fields";
import { useSubmit } from "./use-submit";

/** The company's rules and leaks, as the server sees them. */
async function judge(password: string, signal: AbortSignal) {
  const { data } = await client.POST("/v1/auth/password-checks", { body: { password }, signal });
  return data ?? null;
}

/** A new password of one's own in the place of the one before. */
export function OwnPasswordForm() {
  const t = useT();
  const { second_factor } = useMe();
  // Who has yet to set up a second factor may ask for nothing else; the server checks in any case.
  const tenant = api.useQuery("get", "/v1/tenant", {}, { enabled: second_factor.enrolled || !second_factor.required });
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
      await rereadMe();
      notifyDone(t("password.changed"));
    }),
  );
  return (
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
  );
}
