import { PasswordInput, Progress, Stack, Text } from "@mantine/core";
import { type ComponentProps, useEffect, useState } from "react";
import type { PasswordJudgement } from "@/api/types";
import { type Key, translateCodeOr, useT } from "@/i18n";

/** Fewest characters that any company asks for. */
export const leastLength = 12;
const restMs = 400;
const tones = ["red", "red", "orange", "teal", "teal"] as const;
const labels = [0, 1, 2, 3, 4].map((score) => `password_score.${score}` as Key);

type Judge = (password: string, signal: AbortSignal) => Promise<PasswordJudgement | null>;

/**
 * What the server says of a password, once typing rests; null while it is empty or not known. Nothing is asked while
 * the password is being saved: that uses the mailed link up by which it would ask.
 */
function useJudgement(password: string, judge: Judge, saving: boolean): PasswordJudgement | null {
  const [known, setKnown] = useState<{ of: string; judgement: PasswordJudgement | null } | null>(null);
  useEffect(() => {
    if (!password || saving) {
      return;
    }
    const asking = new AbortController();
    const timer = setTimeout(async () => {
      // Without an answer there is no hint; saving says what is wrong.
      const judgement = await judge(password, asking.signal).catch(() => null);
      if (!asking.signal.aborted) {
        setKnown({ of: password, judgement });
      }
    }, restMs);
    return () => {
      asking.abort();
      clearTimeout(timer);
    };
  }, [password, judge, saving]);
  return password && known ? known.judgement : null;
}

function Strength({ judgement }: { judgement: PasswordJudgement }) {
  const t = useT();
  const { score, problems } = judgement;
  return (
    <Stack gap={4} role="status">
      <Progress
        value={(score + 1) * 20}
        color={problems.length > 0 ? "red" : tones[score]}
        size="sm"
        aria-label={t("password.strength")}
      />
      {problems.length > 0 ? (
        problems.map((problem) => (
          <Text key={problem.code} size="xs" c="var(--mantine-color-error)">
            {translateCodeOr("password_problem", problem.code, problem.detail)}
          </Text>
        ))
      ) : (
        <Text size="xs" c="dimmed">
          {t(labels[score] ?? "password_score.0")}
        </Text>
      )}
    </Stack>
  );
}

/** A new password, typed twice, with what the company's rules say of it. */
export function NewPasswordFields(props: {
  value: string;
  minLength: number;
  judge: Judge;
  saving: boolean;
  first: ComponentProps<typeof PasswordInput>;
  second: ComponentProps<typeof PasswordInput>;
}) {
  const t = useT();
  const judgement = useJudgement(props.value, props.judge, props.saving);
  const toggle = { "aria-label": t("auth.show_password") };
  return (
    <>
      <PasswordInput
        label={t("password.new")}
        description={t("password.rule", { n: props.minLength })}
        autoComplete="new-password"
        required
        visibilityToggleButtonProps={toggle}
        {...props.first}
      />
      {judgement ? <Strength judgement={judgement} /> : null}
      <PasswordInput
        label={t("password.repeat")}
        autoComplete="new-password"
        required
        visibilityToggleButtonProps={toggle}
        {...props.second}
      />
    </>
  );
}

/** Counted as the server counts: characters, not UTF-16 units. */
export function isTooShort(password: string, minLength: number): boolean {
  return [...password].length < minLength;
}
