import { Alert, Anchor } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";

/** From a week before the password expires. */
export default function PasswordBanner(props: { expiresAt: string }) {
  const t = useT();
  const format = useFormat();
  return (
    <Alert color="orange" variant="outline" mb="md" role="status">
      {t("password.banner", { at: format.dateTime(props.expiresAt) })}{" "}
      <Anchor component={Link} to="/settings/password" size="sm">
        {t("password.change")}
      </Anchor>
    </Alert>
  );
}
