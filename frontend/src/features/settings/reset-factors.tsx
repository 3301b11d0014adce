import { Text } from "@mantine/core";
import { api } from "@/api/client";
import { refresh } from "@/api/query";
import type { User } from "@/api/types";
import { ConfirmDialog } from "@/components/ui/confirm";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";

/** For a person who lost phone and recovery codes. */
export function ResetFactors(props: { user: User; onClose: () => void }) {
  const t = useT();
  const reset = api.useMutation("delete", "/v1/users/{id}/second-factors");
  return (
    <ConfirmDialog
      opened
      danger
      onClose={props.onClose}
      title={t("factor.reset")}
      confirm={t("factor.reset_confirm")}
      onConfirm={async () => {
        await reset.mutateAsync({ params: { path: { id: props.user.id } } });
        await refresh("/v1/users");
        notifyDone(t("factor.reset_done"));
      }}
    >
      <Text size="sm">{t("factor.reset_body", { name: props.user.display_name })}</Text>
    </ConfirmDialog>
  );
}
