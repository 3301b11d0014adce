import { Text } from "@mantine/core";
import type { Delivery, DeliveryState } from "@/api/types";
import { DefinitionList } from "@/components/ui/definition";
import { TextLink } from "@/components/ui/link-button";
import { Status, type Tone } from "@/components/ui/status";
import { translateCode, useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { DeliveryEvents } from "./events";

const tones: Record<DeliveryState, Tone> = {
  queued: "idle",
  claimed: "info",
  accepted: "good",
  deferred: "warn",
  failed: "bad",
  unknown: "info",
  skipped: "idle",
};

export const replyText = (delivery: Delivery) =>
  delivery.last_reply
    ? [delivery.last_reply.code, delivery.last_reply.enhanced, delivery.last_reply.text].filter(Boolean).join(" ")
    : null;

export function DeliveryStateLabel(props: { state: DeliveryState }) {
  const t = useT();
  return <Status tone={tones[props.state]} label={t(`delivery_state.${props.state}`)} />;
}

/** What became of one mail, in the other server's words. */
export function DeliveryDetail({ delivery }: { delivery: Delivery }) {
  const t = useT();
  const format = useFormat();
  const time = (at: string | null | undefined) => (at ? format.dateTime(at) : "–");
  const reply = delivery.last_reply;
  return (
    <>
      <DefinitionList
        items={[
          [t("recipients.state"), <DeliveryStateLabel key="state" state={delivery.state} />],
          [t("report.reason"), delivery.reason ? translateCode("reason", delivery.reason) : "–"],
          [t("recipients.attempts"), format.number(delivery.attempts)],
          [t("recipients.due_at"), time(delivery.due_at)],
          [t("recipients.accepted_at"), time(delivery.accepted_at)],
          [t("count.opened"), time(delivery.opened_at)],
          [t("count.clicked"), time(delivery.clicked_at)],
        ]}
      />
      {reply ? (
        <>
          <Text fw={600} size="sm" mt="md" mb={4}>
            {t("recipients.last_reply")}
          </Text>
          <DefinitionList
            items={[
              [t("recipients.host"), reply.host],
              [t("recipients.code"), [reply.code, reply.enhanced].filter(Boolean).join(" ")],
              [
                t("recipients.reply"),
                <span key="text" className="kb-mono" style={{ whiteSpace: "pre-wrap" }}>
                  {reply.text}
                </span>,
              ],
              [t("recipients.replied_at"), time(reply.at)],
            ]}
          />
        </>
      ) : null}
      <Text size="xs" c="dimmed" mt="md">
        {t("recipients.truth")}
      </Text>
      <DeliveryEvents id={delivery.id} />
      {delivery.contact_id ? (
        <TextLink
          to="/contacts/$contactId"
          params={{ contactId: delivery.contact_id }}
          size="sm"
          mt="sm"
          display="block"
        >
          {t("recipients.to_contact")}
        </TextLink>
      ) : null}
    </>
  );
}
