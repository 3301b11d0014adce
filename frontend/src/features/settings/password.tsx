import { Alert } from "@mantine/core";
import { useMe } from "@/auth/guard";
import { OwnPasswordForm } from "@/components/form/own-password";
import { Page, Panel } from "@/components/layout/page";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";

export function PasswordScreen() {
  const t = useT();
  const format = useFormat();
  const { must_change, expires_at } = useMe().password;
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
        <OwnPasswordForm />
      </Panel>
    </Page>
  );
}
