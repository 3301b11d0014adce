import { Alert, Anchor, Box, Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { Link, useRouter } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useState } from "react";
import { toProblem } from "@/api/problem";
import { problemText } from "@/api/problem-text";
import type { SecondFactorQuestion } from "@/api/types";
import { session, useSession } from "@/auth/session";
import { loadLateWords, translateCodeOr, useT } from "@/i18n";
import { AuthFrame } from "./frame";

const SecondStep = lazy(async () => {
  const [step] = await Promise.all([import("./second-step"), loadLateWords()]);
  return step;
});

const PasskeyLogin = lazy(async () => {
  const [button] = await Promise.all([import("./passkey-login"), loadLateWords()]);
  return button;
});

export function LoginScreen(props: { next: string }) {
  const t = useT();
  const router = useRouter();
  const state = useSession();
  const [error, setError] = useState<string | null>(null);
  const [question, setQuestion] = useState<SecondFactorQuestion | null>(null);
  const form = useForm({
    initialValues: { login_id: "", password: "" },
    validate: {
      login_id: (value) => (value.trim() ? null : t("auth.login_id_missing")),
      password: (value) => (value ? null : t("auth.password_missing")),
    },
  });

  // Also when another tab logged in meanwhile.
  useEffect(() => {
    if (state.status === "signed_in") {
      router.history.replace(props.next);
    }
  }, [state.status, router, props.next]);

  const submit = form.onSubmit(async ({ login_id, password }) => {
    setError(null);
    form.setSubmitting(true);
    try {
      const rest = await session.login(login_id.trim(), password);
      if (rest && "question" in rest) {
        form.setFieldValue("password", "");
        setQuestion(rest.question);
      } else if (rest) {
        const { refusal } = rest;
        const problem = toProblem(await refusal.json().catch(() => new Error(refusal.statusText)));
        if (refusal.status === 403) {
          // Rare ones have their words there; without them the server's own are shown.
          await loadLateWords().catch(() => undefined);
        }
        setError(
          refusal.status === 401 ? t("auth.refused") : translateCodeOr("problem", problem.code, problemText(problem)),
        );
      }
    } catch (cause) {
      setError(problemText(cause));
    } finally {
      form.setSubmitting(false);
    }
  });

  const ended = state.status === "anonymous" && (state.reason === "idle" || state.reason === "expired");
  return (
    <AuthFrame title={t("auth.title")}>
      {ended && state.reason ? (
        <Alert mb="md" color="gray" variant="outline" role="status">
          {t(state.reason === "idle" ? "auth.ended_idle" : "auth.ended_expired")}
        </Alert>
      ) : null}
      {error ? (
        <Alert mb="md" color="red" variant="outline" role="alert">
          {error}
        </Alert>
      ) : null}
      {question ? (
        <Suspense>
          <SecondStep question={question} onBack={() => setQuestion(null)} />
        </Suspense>
      ) : (
        <form onSubmit={submit} noValidate>
          <Stack gap="sm">
            <TextInput
              label={t("auth.login_id")}
              autoComplete="username"
              autoCapitalize="none"
              spellCheck={false}
              autoFocus
              {...form.getInputProps("login_id")}
            />
            <PasswordInput
              label={t("auth.password")}
              autoComplete="current-password"
              visibilityToggleButtonProps={{ "aria-label": t("auth.show_password") }}
              {...form.getInputProps("password")}
            />
            <Button type="submit" fullWidth mt="xs" loading={form.submitting}>
              {t("auth.sign_in")}
            </Button>
            <Suspense fallback={<Box h={36} />}>
              <PasskeyLogin onError={setError} />
            </Suspense>
            <Anchor component={Link} to="/forgot" size="sm" ta="center">
              {t("auth.forgot")}
            </Anchor>
          </Stack>
        </form>
      )}
    </AuthFrame>
  );
}
