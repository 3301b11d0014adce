import { Alert, Button, Group, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconKey, IconPencil, IconSend, IconTrash } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api, ifMatch } from "@/api/client";
import { refresh } from "@/api/query";
import type { Webhook } from "@/api/types";
import { Page, Panel } from "@/components/layout/page";
import { ConfirmDialog } from "@/components/ui/confirm";
import { DefinitionList } from "@/components/ui/definition";
import { notifyDone, notifyProblem } from "@/components/ui/notify";
import { QueryView } from "@/components/ui/state-view";
import { Status } from "@/components/ui/status";
import { translateCode, useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { standing } from "./events";
import { Failure } from "./failure";
import { WebhookDialog } from "./form";
import { Messages } from "./messages";
import type { WebhookSearch } from "./search";
import { SecretDialog } from "./secret";

export interface WebhookProps {
  webhookId: string;
  search: WebhookSearch;
  onSearch: (change: Partial<WebhookSearch>) => void;
}

/** One webhook: how it is, and what was sent to it. */
export function WebhookScreen({ webhookId, ...rest }: WebhookProps) {
  const query = api.useQuery(
    "get",
    "/v1/webhooks/{id}",
    { params: { path: { id: webhookId } } },
    { refetchInterval: 10_000 },
  );
  return <QueryView query={query}>{(webhook) => <One webhook={webhook} {...rest} />}</QueryView>;
}

function One({ webhook, ...rest }: { webhook: Webhook } & Omit<WebhookProps, "webhookId">) {
  const t = useT();
  const navigate = useNavigate();
  const [asking, setAsking] = useState<"rotate" | "delete" | null>(null);
  const [editing, setEditing] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const test = api.useMutation("post", "/v1/webhooks/{id}/test");
  const rotate = api.useMutation("post", "/v1/webhooks/{id}/rotate-secret");
  const remove = api.useMutation("delete", "/v1/webhooks/{id}");
  const path = { id: webhook.id };
  const sendTest = () =>
    test
      .mutateAsync({ params: { path } })
      .then(async (message) => {
        await refresh("/v1/webhooks");
        notifyDone(t("webhooks.test_sent"));
        rest.onSearch({ open: message.id, state: undefined, cursor: undefined });
      })
      .catch(notifyProblem);
  return (
    <Page
      title={webhook.description || webhook.url}
      trail={[{ label: t("nav.webhooks"), to: "/settings/webhooks" }]}
      actions={
        <>
          <Button
            variant="default"
            leftSection={<IconSend size={16} />}
            disabled={!webhook.enabled}
            loading={test.isPending}
            onClick={() => void sendTest()}
          >
            {t("webhooks.test")}
          </Button>
          <Button leftSection={<IconPencil size={16} />} onClick={() => setEditing(true)}>
            {t("common.edit")}
          </Button>
        </>
      }
    >
      <Stack gap={0}>
        <Trouble webhook={webhook} />
        <Panel title={t("webhooks.settings")}>
          <Facts webhook={webhook} />
          <Group gap="xs" mt="md">
            <Button variant="default" size="xs" leftSection={<IconKey size={14} />} onClick={() => setAsking("rotate")}>
              {t("webhooks.rotate")}
            </Button>
            <Button
              variant="default"
              size="xs"
              leftSection={<IconTrash size={14} />}
              onClick={() => setAsking("delete")}
            >
              {t("common.delete")}
            </Button>
          </Group>
        </Panel>
        <Messages webhook={webhook} {...rest} />
      </Stack>
      {editing ? <WebhookDialog webhook={webhook} onClose={() => setEditing(false)} onCreated={setSecret} /> : null}
      {secret ? <SecretDialog secret={secret} rotated onClose={() => setSecret(null)} /> : null}
      <ConfirmDialog
        opened={asking === "rotate"}
        onClose={() => setAsking(null)}
        title={t("webhooks.rotate_title")}
        confirm={t("webhooks.rotate")}
        onConfirm={async () => {
          const made = await rotate.mutateAsync({ params: { path } });
          setSecret(made.secret);
          await refresh("/v1/webhooks");
        }}
      >
        <Text>{t("webhooks.rotate_body")}</Text>
      </ConfirmDialog>
      <ConfirmDialog
        opened={asking === "delete"}
        onClose={() => setAsking(null)}
        title={t("webhooks.delete_title")}
        confirm={t("common.delete")}
        danger
        onConfirm={async () => {
          await remove.mutateAsync({ params: { path, header: ifMatch(webhook.version) } });
          await navigate({ to: "/settings/webhooks" });
          await refresh("/v1/webhooks");
          notifyDone(t("common.deleted"));
        }}
      >
        <Text>{t("webhooks.delete_body", { url: webhook.url })}</Text>
      </ConfirmDialog>
    </Page>
  );
}

/** What is wrong with it, and how to mend it. */
function Trouble({ webhook }: { webhook: Webhook }) {
  const t = useT();
  const format = useFormat();
  if (!webhook.disabled_reason && webhook.failures === 0) {
    return null;
  }
  const since = webhook.failing_since ? format.dateTime(webhook.failing_since) : "";
  return (
    <Alert
      color={webhook.disabled_reason ? "red" : "yellow"}
      variant="outline"
      role="alert"
      mb="md"
      icon={<IconAlertTriangle size={18} />}
    >
      <Text size="sm">
        {webhook.disabled_reason
          ? t(`webhooks.trouble_${webhook.disabled_reason}`)
          : t("webhooks.trouble_failing_now", { since, count: webhook.failures })}
      </Text>
      {webhook.last_error ? (
        <Text size="sm" component="div">
          {t("webhooks.last_error")}: <Failure error={webhook.last_error} />
        </Text>
      ) : null}
      {webhook.enabled && webhook.retry_at ? (
        <Text size="sm" c="dimmed">
          {t("webhooks.rests_until", { at: format.dateTime(webhook.retry_at) })}
        </Text>
      ) : null}
    </Alert>
  );
}

function Facts({ webhook }: { webhook: Webhook }) {
  const t = useT();
  const format = useFormat();
  const { tone, label } = standing(webhook);
  const events = webhook.events.map((topic) => translateCode("webhook_topic", topic)).join(" / ");
  const overlap = webhook.old_secret_until;
  return (
    <DefinitionList
      items={[
        [t("webhooks.state"), <Status key="state" tone={tone} label={t(label)} />],
        [
          t("webhooks.url"),
          <span key="url" className="kb-mono" style={{ overflowWrap: "anywhere" }}>
            {webhook.url}
          </span>,
        ],
        [t("webhooks.events"), events],
        [t("webhooks.last_success"), webhook.last_success_at ? format.dateTime(webhook.last_success_at) : "–"],
        ...(overlap && new Date(overlap) > new Date()
          ? [[t("webhooks.old_secret"), t("webhooks.old_secret_until", { at: format.dateTime(overlap) })] as const]
          : []),
      ]}
    />
  );
}
