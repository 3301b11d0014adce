import { Button } from "@mantine/core";
import { IconFingerprint } from "@tabler/icons-react";
import { useState } from "react";
import { toProblem } from "@/api/problem";
import { problemText } from "@/api/problem-text";
import { askForAnyPasskey, hasPasskeys } from "@/auth/passkey";
import { session } from "@/auth/session";
import { useT } from "@/i18n";
import { passkeyChallenge } from "./public";

/** Logs in with a passkey and nothing else; not there where the browser has none. */
export default function PasskeyLogin(props: { onError: (message: string | null) => void }) {
  const t = useT();
  const [busy, setBusy] = useState(false);
  if (!hasPasskeys()) {
    return null;
  }
  const logIn = async () => {
    setBusy(true);
    props.onError(null);
    try {
      const asked = await passkeyChallenge();
      const shown = await askForAnyPasskey(asked);
      const refusal = await session.finishLogin(asked.token, shown, "/v1/auth/passkey-logins");
      if (refusal) {
        throw toProblem(await refusal.json().catch(() => new Error(refusal.statusText)));
      }
    } catch (cause) {
      props.onError(cause instanceof DOMException ? t("passkey_login.declined") : problemText(cause));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Button
      variant="default"
      fullWidth
      loading={busy}
      leftSection={<IconFingerprint size={18} />}
      onClick={() => void logIn()}
    >
      {t("passkey_login.button")}
    </Button>
  );
}
