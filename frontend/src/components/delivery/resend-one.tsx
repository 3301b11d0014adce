import { Button, Text } from "@mantine/core";
import { IconRefresh } from "@tabler/icons-react";
import { useState } from "react";
import { client } from "@/api/client";
import { queryClient } from "@/api/query";
import type { Delivery, SendingKind } from "@/api/types";
import { useCan } from "@/auth/guard";
import { ConfirmDialog } from "@/components/ui/confirm";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";

/**
 * Once more to one person, when the mail failed or nobody knows: of a step mail, or of one that a call of the API sent;
 * a campaign is sent again as a whole. Asks first: it may arrive a second time.
 */
export function ResendOne({ delivery }: { delivery: Delivery & { kind: SendingKind } }) {
  const t = useT();
  const canSend = useCan("campaigns.send");
  const canRead = useCan("campaigns.read");
  const [asking, setAsking] = useState(false);
  const { id, state, kind } = delivery;
  const isSingle = kind === "sequence" || kind === "transactional";
  if (!canSend || !canRead || !isSingle || (state !== "unknown" && state !== "failed")) {
    return null;
  }
  const send = async () => {
    const { error } = await client.POST("/v1/deliveries/{id}/resend", { params: { path: { id } } });
    if (error) {
      throw error;
    }
    await Promise.all(
      [
        "/v1/deliveries/{id}",
        "/v1/transactional-sends",
        "/v1/campaigns/{id}/deliveries",
        "/v1/sequences/{id}/results",
      ].map((path) => queryClient.invalidateQueries({ queryKey: ["get", path] })),
    );
    notifyDone(t("resend.one_done"));
  };
  return (
    <>
      <Button
        variant="default"
        size="xs"
        mb="sm"
        leftSection={<IconRefresh size={16} />}
        onClick={() => setAsking(true)}
      >
        {t("resend.one")}
      </Button>
      <ConfirmDialog
        opened={asking}
        onClose={() => setAsking(false)}
        title={t("resend.title")}
        confirm={t("resend.one_confirm")}
        onConfirm={send}
      >
        <Text>{t(`resend.one_${state}_body`)}</Text>
      </ConfirmDialog>
    </>
  );
}
