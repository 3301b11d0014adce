import { Text } from "@mantine/core";
import { api, ifMatch } from "@/api/client";
import { refresh } from "@/api/query";
import type { SendLimit } from "@/api/types";
import { siteName } from "@/components/delivery/sites";
import { ConfirmDialog } from "@/components/ui/confirm";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";

/** What a person is about to do with a limit; without one: with all that is sent. */
export type LimitStep =
  | { kind: "suspend"; limit: SendLimit | null }
  | { kind: "resume"; limit: SendLimit }
  | { kind: "delete"; limit: SendLimit };

/** Asks before sending is suspended or resumed, or a limit deleted. */
export function LimitStepDialog({ step, onClose }: { step: LimitStep; onClose: () => void }) {
  const t = useT();
  const create = api.useMutation("post", "/v1/send-limits");
  const update = api.useMutation("put", "/v1/send-limits/{id}");
  const remove = api.useMutation("delete", "/v1/send-limits/{id}");
  const { kind, limit } = step;
  const what = [
    limit?.site == null ? t("limits.all_sites") : siteName(limit.site),
    ...(limit?.sender_domain ? [`(${limit.sender_domain})`] : []),
  ].join(" ");
  const carryOut = async () => {
    if (!limit) {
      await create.mutateAsync({ body: { suspended: true } });
      return;
    }
    const params = { path: { id: limit.id }, header: ifMatch(limit.version) };
    if (kind === "delete") {
      await remove.mutateAsync({ params });
      return;
    }
    const { per_minute, max_sessions, warm_up } = limit;
    await update.mutateAsync({ params, body: { per_minute, max_sessions, warm_up, suspended: kind === "suspend" } });
  };
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      title={t(`limits.${kind}_title`)}
      confirm={t(kind === "delete" ? "common.delete" : `limits.${kind}`)}
      danger={kind !== "resume"}
      onConfirm={async () => {
        await carryOut();
        await refresh("/v1/send-limits");
        notifyDone(t(kind === "delete" ? "common.deleted" : "common.saved"));
      }}
    >
      <Text>{t(`limits.${kind}_body`, { what })}</Text>
    </ConfirmDialog>
  );
}
