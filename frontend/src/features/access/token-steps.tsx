import { Select, Stack, Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import { api } from "@/api/client";
import { refresh } from "@/api/query";
import type { ApiToken, ApiTokenSecret } from "@/api/types";
import { FormDialog } from "@/components/form/form-dialog";
import { useSubmit } from "@/components/form/use-submit";
import { ConfirmDialog } from "@/components/ui/confirm";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";
import { LifetimeSelect } from "./token-form";

interface Props {
  token: ApiToken;
  onMade: (secret: ApiTokenSecret) => void;
  onClose: () => void;
}

/** A new secret; says what becomes of the old one. */
export function RotateDialog({ token, onMade, onClose }: Props) {
  const t = useT();
  const rotate = api.useMutation("post", "/v1/api-tokens/{id}/rotate");
  const form = useForm({ initialValues: { overlap_days: "1", lifetime_days: "90" } });
  const { busy, error, run } = useSubmit(form);
  const submit = form.onSubmit(({ overlap_days, lifetime_days }) =>
    run(async () => {
      const made = await rotate.mutateAsync({
        params: { path: { id: token.id } },
        body: {
          overlap_days: Number(overlap_days),
          ...(lifetime_days ? { lifetime_days: Number(lifetime_days) } : {}),
        },
      });
      await refresh("/v1/api-tokens", "/v1/summary");
      onMade(made);
    }),
  );
  const overlaps = [0, 1, 3, 7].map((n) => ({
    value: String(n),
    label: n === 0 ? t("tokens.overlap_none") : t("tokens.days", { count: n }),
  }));
  return (
    <FormDialog
      title={t("tokens.rotate_title", { name: token.name })}
      submit={t("tokens.rotate")}
      dirty={form.isDirty()}
      busy={busy}
      error={error}
      onSubmit={submit}
      onClose={onClose}
    >
      <Stack gap="sm">
        <Text size="sm">{t("tokens.rotate_body")}</Text>
        <Select
          label={t("tokens.overlap")}
          description={t(form.values.overlap_days === "0" ? "tokens.overlap_none_help" : "tokens.overlap_help")}
          allowDeselect={false}
          data={overlaps}
          {...form.getInputProps("overlap_days")}
        />
        <LifetimeSelect
          keep
          value={form.values.lifetime_days}
          onChange={(days) => form.setFieldValue("lifetime_days", days)}
        />
      </Stack>
    </FormDialog>
  );
}

export function RevokeDialog({ token, onClose }: Omit<Props, "onMade">) {
  const t = useT();
  const revoke = api.useMutation("post", "/v1/api-tokens/{id}/revoke");
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      title={t("tokens.revoke_title")}
      confirm={t("tokens.revoke")}
      danger
      onConfirm={async () => {
        await revoke.mutateAsync({ params: { path: { id: token.id } } });
        await refresh("/v1/api-tokens", "/v1/summary");
        notifyDone(t("tokens.revoked"));
      }}
    >
      <Text>{t("tokens.revoke_body", { name: token.name })}</Text>
    </ConfirmDialog>
  );
}
