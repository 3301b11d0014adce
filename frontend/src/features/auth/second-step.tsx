import { Button, Stack, Text } from "@mantine/core";
import { toProblem } from "@/api/problem";
import type { SecondFactorQuestion } from "@/api/types";
import { session } from "@/auth/session";
import { type Proof, ProofForm } from "@/components/factor/proof-form";
import { useT } from "@/i18n";

/** After the password: the second factor. */
export default function SecondStep(props: { question: SecondFactorQuestion; onBack: () => void }) {
  const t = useT();
  const prove = async (proof: Proof) => {
    const refusal = await session.finishLogin(props.question.token, proof);
    if (refusal) {
      throw toProblem(await refusal.json().catch(() => new Error(refusal.statusText)));
    }
  };
  return (
    <Stack gap="sm">
      <Text size="sm">{t("second_step.body")}</Text>
      <ProofForm question={props.question} submit={t("auth.sign_in")} onProof={prove} />
      <Button variant="subtle" color="gray" size="compact-sm" onClick={props.onBack}>
        {t("second_step.back")}
      </Button>
    </Stack>
  );
}
