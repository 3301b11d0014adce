import { Alert, Anchor, Button, Loader, Stack, Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import { Link } from "@tanstack/react-router";
import { useCallback, useEffect, useState } from "react";
import { problemText } from "@/api/problem-text";
import type { LinkInfo } from "@/api/types";
import { FormError } from "@/components/form/form-error";
import { isTooShort, NewPasswordFields } from "@/components/form/password-fields";
import { useSubmit } from "@/components/form/use-submit";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { AuthFrame } from "./frame";
import { checkLink, setPassword } from "./public";

type Purpose = "reset" | "invitation";

/** The page of a mailed link. Its token stands behind the hash sign, and is taken out of the address bar at once. */
export function SetPasswordScreen(props: { purpose: Purpose }) {
  const t = useT();
  const [token] = useState(() => window.location.hash.slice(1));
  const [link, setLink] = useState<LinkInfo | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [done, setDone] = useState(false);
  useEffect(() => {
    window.history.replaceState(window.history.state, "", window.location.pathname);
    let wanted = true;
    checkLink(token)
      .then((found) => wanted && setLink(found))
      .catch((cause) => wanted && setError(problemText(cause)));
    return () => {
      wanted = false;
    };
  }, [token]);
  return (
    <AuthFrame title={t(props.purpose === "reset" ? "reset.title" : "invitation.title")}>
      <Stack gap="sm">
        {done ? (
          <Alert color="teal" variant="outline" role="status">
            {t("reset.done")}
          </Alert>
        ) : error ? (
          <>
            <Alert color="red" variant="outline" role="alert">
              {error}
            </Alert>
            <Text size="sm">{t(props.purpose === "reset" ? "reset.ask_again" : "invitation.ask_again")}</Text>
          </>
        ) : link ? (
          <SetPasswordForm purpose={props.purpose} token={token} link={link} onDone={() => setDone(true)} />
        ) : (
          <Loader size="sm" aria-label={t("state.loading")} />
        )}
        {!done && error && props.purpose === "reset" ? (
          <Anchor component={Link} to="/forgot" size="sm">
            {t("auth.forgot")}
          </Anchor>
        ) : null}
        {done ? (
          <Button component={Link} to="/login" fullWidth>
            {t("forgot.back")}
          </Button>
        ) : (
          <Anchor component={Link} to="/login" size="sm">
            {t("forgot.back")}
          </Anchor>
        )}
      </Stack>
    </AuthFrame>
  );
}

function SetPasswordForm(props: { purpose: Purpose; token: string; link: LinkInfo; onDone: () => void }) {
  const t = useT();
  const format = useFormat();
  const { link, token } = props;
  const form = useForm({
    initialValues: { new_password: "", repeated: "" },
    validate: {
      new_password: (value) =>
        isTooShort(value, link.min_length) ? t("password.too_short", { n: link.min_length }) : null,
      repeated: (value, { new_password }) => (value === new_password ? null : t("password.differs")),
    },
  });
  const { busy, error, run } = useSubmit(form);
  const judge = useCallback(
    async (password: string, signal: AbortSignal) => (await checkLink(token, password, signal)).password ?? null,
    [token],
  );
  const submit = form.onSubmit(({ new_password }) =>
    run(async () => {
      await setPassword(props.purpose, token, new_password);
      props.onDone();
    }),
  );
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        <Text size="sm">
          {t(props.purpose === "reset" ? "reset.body" : "invitation.body", {
            company: link.company,
            login_id: link.login_id,
          })}
        </Text>
        <Text size="xs" c="dimmed">
          {t("reset.until", { at: format.dateTime(link.expires_at) })}
        </Text>
        <FormError message={error} />
        {/* So that a password manager knows whose it is. */}
        <input type="text" name="username" autoComplete="username" value={link.login_id} readOnly hidden />
        <NewPasswordFields
          value={form.values.new_password}
          minLength={link.min_length}
          judge={judge}
          saving={busy}
          first={form.getInputProps("new_password")}
          second={form.getInputProps("repeated")}
        />
        <Button type="submit" fullWidth loading={busy}>
          {t("reset.set")}
        </Button>
      </Stack>
    </form>
  );
}
