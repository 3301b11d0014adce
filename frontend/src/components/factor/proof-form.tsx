import { Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconFingerprint } from "@tabler/icons-react";
import { useState } from "react";
import { problemForForm } from "@/api/problem-text";
import type { PasskeyAssertion, SecondFactorQuestion } from "@/api/types";
import { askForPasskey, hasPasskeys } from "@/auth/passkey";
import { FormError } from "@/components/form/form-error";
import { type Key, useT } from "@/i18n";

type Typed = "totp" | "recovery_code" | "password";
export type Proof = { passkey: PasskeyAssertion } | Partial<Record<Typed, string>>;

interface Props {
  question: SecondFactorQuestion;
  /** Of the button below a typed proof. */
  submit: string;
  /** Throws the problem when the proof is refused. */
  onProof: (proof: Proof) => Promise<void>;
}

const labels: Record<Typed, Key> = {
  totp: "factor.totp_code",
  recovery_code: "factor.recovery_code",
  password: "auth.password",
};
const switches: Record<string, Key> = {
  passkey: "factor.use_passkey",
  totp: "factor.use_totp",
  recovery_code: "factor.use_recovery_code",
};

/** One way to prove who one is at a time, and the others as buttons below. */
export function ProofForm(props: Props) {
  const t = useT();
  const methods = props.question.methods.filter((method) => method !== "passkey" || hasPasskeys());
  const [method, setMethod] = useState(methods[0] ?? "recovery_code");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const form = useForm({
    initialValues: { totp: "", recovery_code: "", password: "" },
    validate: {
      totp: (value) => (method !== "totp" || value.trim() ? null : t("form.required")),
      recovery_code: (value) => (method !== "recovery_code" || value.trim() ? null : t("form.required")),
      password: (value) => (method !== "password" || value ? null : t("form.required")),
    },
  });
  const run = async (prove: () => Promise<Proof>) => {
    setBusy(true);
    setError(null);
    try {
      await props.onProof(await prove());
    } catch (cause) {
      const declined = cause instanceof DOMException && cause.name !== "NetworkError";
      const problem = declined ? null : problemForForm(cause, ["totp", "recovery_code", "password"]);
      form.setErrors(problem?.fields ?? {});
      setError(problem ? problem.form : t("factor.passkey_declined"));
    } finally {
      setBusy(false);
    }
  };
  const typed = method === "totp" || method === "recovery_code" || method === "password" ? method : null;
  const submit = form.onSubmit((values) => run(async () => (typed ? { [typed]: values[typed].trim() } : {})));
  const passkey = props.question.passkey;
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        <FormError message={error} />
        {method === "passkey" && passkey ? (
          <Button
            leftSection={<IconFingerprint size={18} />}
            loading={busy}
            data-autofocus
            autoFocus
            onClick={() => void run(async () => ({ passkey: await askForPasskey(passkey) }))}
          >
            {t("factor.confirm_passkey")}
          </Button>
        ) : null}
        {method === "totp" || method === "recovery_code" ? (
          <TextInput
            key={method}
            label={t(labels[method])}
            description={t(method === "totp" ? "factor.totp_help" : "factor.recovery_help")}
            autoComplete={method === "totp" ? "one-time-code" : "off"}
            inputMode={method === "totp" ? "numeric" : "text"}
            autoCapitalize="none"
            spellCheck={false}
            maxLength={40}
            data-autofocus
            autoFocus
            {...form.getInputProps(method)}
          />
        ) : null}
        {method === "password" ? (
          <PasswordInput
            label={t("auth.password")}
            autoComplete="current-password"
            visibilityToggleButtonProps={{ "aria-label": t("auth.show_password") }}
            data-autofocus
            {...form.getInputProps("password")}
          />
        ) : null}
        {typed ? (
          <Button type="submit" loading={busy}>
            {props.submit}
          </Button>
        ) : null}
        {methods
          .filter((other) => other !== method)
          .map((other) => (
            <Button
              key={other}
              variant="subtle"
              size="compact-sm"
              disabled={busy}
              onClick={() => {
                setError(null);
                form.clearErrors();
                setMethod(other);
              }}
            >
              {t(switches[other] ?? "factor.use_totp")}
            </Button>
          ))}
      </Stack>
    </form>
  );
}
