import { Button, Code, Stack, Text } from "@mantine/core";
import { IconRefresh } from "@tabler/icons-react";
import { api } from "@/api/client";
import { refresh } from "@/api/query";
import type { Webhook, WebhookAttempt } from "@/api/types";
import { DefinitionList } from "@/components/ui/definition";
import { notifyDone, notifyProblem } from "@/components/ui/notify";
import { QueryView } from "@/components/ui/state-view";
import { Status } from "@/components/ui/status";
import { translateCode, useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { messageStanding } from "./events";
import { Failure } from "./failure";

/** One message: what was sent, each try and what it was answered. */
export function MessageDetail({ webhook, id }: { webhook: Webhook; id: string }) {
  const t = useT();
  const format = useFormat();
  const path = { id: webhook.id, message_id: id };
  const query = api.useQuery(
    "get",
    "/v1/webhooks/{id}/messages/{message_id}",
    { params: { path } },
    { refetchInterval: ({ state }) => (state.data?.state === "pending" ? 1_500 : false) },
  );
  const replay = api.useMutation("post", "/v1/webhooks/{id}/messages/{message_id}/replay");
  const again = () =>
    replay
      .mutateAsync({ params: { path } })
      .then(() => refresh("/v1/webhooks"))
      .then(() => notifyDone(t("webhooks.replayed")))
      .catch(notifyProblem);
  return (
    <QueryView query={query}>
      {(message) => {
        const { tone, label } = messageStanding(message);
        return (
          <Stack gap="md">
            <DefinitionList
              items={[
                [t("webhooks.event"), translateCode("webhook_topic", message.type)],
                [t("webhooks.state"), <Status key="state" tone={tone} label={t(label)} />],
                ["webhook-id", <Mono key="id" text={message.message_id} />],
                [t("webhooks.created"), format.dateTime(message.created_at)],
                ...(message.state === "pending" && message.due_at
                  ? [[t("webhooks.due"), format.dateTime(message.due_at)] as const]
                  : []),
              ]}
            />
            <div>
              <Button
                variant="default"
                size="xs"
                leftSection={<IconRefresh size={14} />}
                disabled={!webhook.enabled}
                loading={replay.isPending}
                onClick={() => void again()}
              >
                {t("webhooks.replay_single")}
              </Button>
            </div>
            <div>
              <Text size="sm" fw={500} mb={4}>
                {t("webhooks.tries")}
              </Text>
              {message.tries.length === 0 ? (
                <Text size="sm" c="dimmed">
                  {t("webhooks.no_tries")}
                </Text>
              ) : null}
              <Stack gap="sm">
                {message.tries.map((attempt) => (
                  <Try key={attempt.number} attempt={attempt} />
                ))}
              </Stack>
            </div>
            <div>
              <Text size="sm" fw={500} mb={4}>
                {t("webhooks.body")}
              </Text>
              <Code
                block
                style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere", maxHeight: 360, overflow: "auto" }}
              >
                {pretty(message.body)}
              </Code>
            </div>
          </Stack>
        );
      }}
    </QueryView>
  );
}

function Try({ attempt }: { attempt: WebhookAttempt }) {
  const t = useT();
  const format = useFormat();
  return (
    <div>
      <Text size="sm" component="div">
        {format.dateTime(attempt.at)}
        {" · "}
        {t("webhooks.duration", { ms: format.number(attempt.duration_ms) })}
        {" · "}
        {attempt.error ? <Failure error={attempt.error} /> : `HTTP ${attempt.status}`}
      </Text>
      {attempt.answer ? (
        <Code block style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
          {attempt.answer}
        </Code>
      ) : null}
    </div>
  );
}

function Mono({ text }: { text: string }) {
  return (
    <span className="kb-mono" style={{ overflowWrap: "anywhere" }}>
      {text}
    </span>
  );
}

/** What was sent stands in one line; for people it is laid out. */
export function pretty(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}
