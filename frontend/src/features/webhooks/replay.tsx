import { Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { api } from "@/api/client";
import { refresh } from "@/api/query";
import type { Webhook } from "@/api/types";
import { ConfirmDialog } from "@/components/ui/confirm";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";

/** Sends everything again that failed since a time, three days ago unless chosen otherwise. */
export function ReplayDialog({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  const t = useT();
  const [since, setSince] = useState(() => local(new Date(Date.now() - 3 * 24 * 60 * 60 * 1000)));
  const replay = api.useMutation("post", "/v1/webhooks/{id}/replay");
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      title={t("webhooks.replay_title")}
      confirm={t("webhooks.replay_confirm")}
      disabled={since === ""}
      onConfirm={async () => {
        const body = { since: new Date(since).toISOString() };
        const { messages } = await replay.mutateAsync({ params: { path: { id: webhook.id } }, body });
        await refresh("/v1/webhooks");
        notifyDone(t("webhooks.requeued", { count: messages }));
      }}
    >
      <Text size="sm" mb="sm">
        {t("webhooks.replay_body")}
      </Text>
      <TextInput
        type="datetime-local"
        label={t("webhooks.since")}
        value={since}
        onChange={(event) => setSince(event.currentTarget.value)}
      />
    </ConfirmDialog>
  );
}

/** As the input wants it: the browser's own time, without a zone. */
function local(at: Date): string {
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
