import { Text } from "@mantine/core";
import { client } from "@/api/client";
import { refresh } from "@/api/query";
import type { Job } from "@/api/types";
import { isOver } from "@/components/jobs/use-job";
import { ConfirmDialog } from "@/components/ui/confirm";
import { notifyDone } from "@/components/ui/notify";
import { useT } from "@/i18n";

/** How often, and how long apart, the dialog looks whether the job is over before it lets the person go on. */
const looks = 20;
const apart = 500;

async function reset(contactIds: string[] | null): Promise<Job> {
  const body = contactIds ? { contact_ids: contactIds } : {};
  const { data, error } = await client.POST("/v1/bounce-resets", { body });
  if (!data) {
    throw error;
  }
  let job = data;
  for (let look = 0; look < looks && !isOver(job); look += 1) {
    await new Promise((resolve) => setTimeout(resolve, apart));
    const answer = await client.GET("/v1/jobs/{id}", { params: { path: { id: job.id } } });
    job = answer.data ?? job;
  }
  return job;
}

/** Gives contacts that bounces stopped another chance: those that are named, or all. */
export function BounceResetDialog(props: { contactIds: string[] | null; onClose: () => void; onDone?: () => void }) {
  const t = useT();
  const { contactIds } = props;
  return (
    <ConfirmDialog
      opened
      onClose={props.onClose}
      title={t("bounces.reset")}
      confirm={t("bounces.confirm")}
      onConfirm={async () => {
        const job = await reset(contactIds);
        await refresh("/v1/contacts", "/v1/summary");
        const activated = (job.result as { activated?: number } | null | undefined)?.activated;
        notifyDone(job.state === "succeeded" ? t("bounces.done", { count: activated ?? 0 }) : t("bounces.started"));
        props.onDone?.();
      }}
    >
      <Text>{contactIds ? t("bounces.some_body", { count: contactIds.length }) : t("bounces.all_body")}</Text>
      <Text size="sm" c="dimmed" mt="xs">
        {t("bounces.others_stay")}
      </Text>
    </ConfirmDialog>
  );
}
