import { Button, Center, Code, Group, List, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQuery } from "@tanstack/react-query";
import { client } from "@/api/client";
import { FormError } from "@/components/form/form-error";
import { useSubmit } from "@/components/form/use-submit";
import { CopyButton } from "@/components/ui/copy";
import { QueryView } from "@/components/ui/state-view";
import { useT } from "@/i18n";
import { QrCode } from "./qr-code";

/** Scans, types a code, done. Answers the recovery codes that came with it. */
export function TotpSetup(props: { onDone: (codes: string[]) => void; onCancel: () => void }) {
  const t = useT();
  const query = useQuery({
    queryKey: ["totp-enrolment"],
    // Each look makes another seed, and none is kept.
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
    queryFn: async () => {
      const { data, error } = await client.POST("/v1/auth/totp");
      if (!data) {
        throw error;
      }
      return data;
    },
  });
  const form = useForm({
    initialValues: { code: "" },
    validate: { code: (value) => (value.trim() ? null : t("form.required")) },
  });
  const { busy, error, run } = useSubmit(form);
  const submit = form.onSubmit(({ code }) =>
    run(async () => {
      const answer = await client.POST("/v1/auth/totp/confirm", { body: { code: code.trim() } });
      if (!answer.data) {
        throw answer.error;
      }
      props.onDone(answer.data.codes);
    }),
  );
  return (
    <QueryView query={query}>
      {({ secret, uri }) => (
        <form onSubmit={submit} noValidate>
          <Stack gap="sm">
            <List type="ordered" size="sm" spacing={4}>
              <List.Item>{t("totp.step_scan")}</List.Item>
              <List.Item>{t("totp.step_code")}</List.Item>
            </List>
            <Center>
              <QrCode text={uri} label={t("totp.qr")} />
            </Center>
            <div>
              <Text size="sm" c="dimmed">
                {t("totp.by_hand")}
              </Text>
              <Group gap={4} wrap="nowrap">
                <Code style={{ overflowWrap: "anywhere" }}>{secret.match(/.{1,4}/g)?.join(" ")}</Code>
                <CopyButton value={secret} label={t("totp.secret")} />
              </Group>
            </div>
            <FormError message={error} />
            <TextInput
              label={t("factor.totp_code")}
              autoComplete="one-time-code"
              inputMode="numeric"
              maxLength={20}
              required
              data-autofocus
              {...form.getInputProps("code")}
            />
            <Group justify="flex-end">
              <Button variant="default" onClick={props.onCancel}>
                {t("common.cancel")}
              </Button>
              <Button type="submit" loading={busy}>
                {t("totp.confirm")}
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </QueryView>
  );
}
