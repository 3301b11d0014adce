import { Button, Group, SegmentedControl, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { api } from "@/api/client";
import { useMe } from "@/auth/guard";
import { session } from "@/auth/session";
import { roleName } from "@/components/access/role-name";
import { FormError } from "@/components/form/form-error";
import { useSubmit } from "@/components/form/use-submit";
import { Page, Panel } from "@/components/layout/page";
import { DefinitionList } from "@/components/ui/definition";
import { notifyDone } from "@/components/ui/notify";
import { type Locale, setLocale, translate, useT } from "@/i18n";

export function ProfileScreen() {
  const t = useT();
  const me = useMe();
  const update = api.useMutation("patch", "/v1/me");
  const form = useForm<{ display_name: string; locale: Locale }>({
    initialValues: { display_name: me.display_name, locale: me.locale === "en" ? "en" : "ja" },
    validate: { display_name: (value) => (value.trim() ? null : t("form.required")) },
  });
  const { busy, error, run } = useSubmit(form);
  const submit = form.onSubmit((values) =>
    run(async () => {
      const changed = await update.mutateAsync({
        body: { display_name: values.display_name.trim(), locale: values.locale },
      });
      session.setMe(changed);
      await setLocale(values.locale);
      form.resetDirty();
      notifyDone(translate("common.saved"));
    }),
  );
  return (
    <Page title={t("nav.profile")} narrow>
      <Panel>
        <form onSubmit={submit} noValidate>
          <Stack gap="md" maw={420}>
            <FormError message={error} />
            <TextInput label={t("users.display_name")} required {...form.getInputProps("display_name")} />
            <div>
              <Text size="sm" fw={500} mb={4} id="profile-locale">
                {t("profile.locale")}
              </Text>
              <SegmentedControl
                aria-labelledby="profile-locale"
                data={[
                  { value: "ja", label: "日本語" },
                  { value: "en", label: "English" },
                ]}
                {...form.getInputProps("locale")}
              />
            </div>
            <DefinitionList
              items={[
                [t("auth.login_id"), me.login_id],
                [t("contacts.email"), me.email],
                [t("users.role"), roleName(me.role, me.role_name)],
              ]}
            />
            <Group>
              <Button type="submit" loading={busy} disabled={!form.isDirty()}>
                {t("common.save")}
              </Button>
            </Group>
          </Stack>
        </form>
      </Panel>
    </Page>
  );
}
