import { Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { client } from "@/api/client";
import { settleStepUp } from "@/auth/step-up";
import { Dialog } from "@/components/ui/dialog";
import { QueryView } from "@/components/ui/state-view";
import { useT } from "@/i18n";
import { type Proof, ProofForm } from "./proof-form";

/** Asks once more who it is, before something dangerous; the action goes on by itself afterwards. */
export default function StepUpDialog() {
  const t = useT();
  const query = useQuery({
    queryKey: ["step-up"],
    // A question is good for one answer: none is kept.
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async () => {
      const { data, error } = await client.POST("/v1/auth/step-up-challenges");
      if (!data) {
        throw error;
      }
      return data;
    },
  });
  const prove = async (token: string, proof: Proof) => {
    const { data, error } = await client.POST("/v1/auth/step-up", { body: { token, ...proof } });
    if (!data) {
      throw error;
    }
    settleStepUp(true);
  };
  return (
    <Dialog
      opened
      onClose={() => settleStepUp(false)}
      title={t("step_up.title")}
      closeOnClickOutside={false}
      size="sm"
      zIndex={320}
    >
      <Stack gap="sm">
        <Text size="sm">{t("step_up.body")}</Text>
        <QueryView query={query}>
          {(question) => (
            <ProofForm
              question={question}
              submit={t("step_up.confirm")}
              onProof={(proof) => prove(question.token, proof)}
            />
          )}
        </QueryView>
      </Stack>
    </Dialog>
  );
}
