import type { Webhook, WebhookMessage, WebhookTopic } from "@/api/types";
import type { Permission } from "@/auth/guard";
import type { Tone } from "@/components/ui/status";
import type { Key } from "@/i18n";

/** The kinds of events as a form shows them: by what they are about. */
export const topicGroups: readonly { label: Key; topics: readonly WebhookTopic[] }[] = [
  {
    label: "webhooks.group_delivery",
    topics: [
      "delivery.accepted",
      "delivery.failed",
      "delivery.given_up",
      "delivery.bounced",
      "delivery.complained",
      "message.opened",
      "message.clicked",
    ],
  },
  {
    label: "webhooks.group_contact",
    topics: [
      "contact.created",
      "contact.updated",
      "contact.deleted",
      "contact.unsubscribed",
      "contact.resubscribed",
      "list.subscribed",
      "list.unsubscribed",
      "signup.confirmed",
    ],
  },
  {
    label: "webhooks.group_campaign",
    topics: ["campaign.started", "campaign.paused", "campaign.resumed", "campaign.stopped", "campaign.finished"],
  },
  { label: "webhooks.group_misc", topics: ["import.finished", "sender_domain.health_changed"] },
];

/** What a person needs to be told of it: what they would need to read it here. */
function needs(topic: WebhookTopic): readonly Permission[] {
  switch (topic.split(".")[0]) {
    case "delivery":
    case "message":
      return ["campaigns.read", "contacts.read"];
    case "campaign":
      return ["campaigns.read"];
    case "sender_domain":
      return ["settings.read"];
    default:
      return ["contacts.read"];
  }
}

export function mayBeTold(topic: WebhookTopic, permissions: readonly string[]): boolean {
  return needs(topic).every((permission) => permissions.includes(permission));
}

/** How a webhook is: off because of what it answered, failing, off by hand, or well. */
export function standing(row: Webhook): { tone: Tone; label: Key } {
  if (row.disabled_reason) {
    return { tone: "bad", label: `webhooks.disabled_${row.disabled_reason}` };
  }
  if (!row.enabled) {
    return { tone: "idle", label: "webhooks.off" };
  }
  return row.failures > 0 ? { tone: "warn", label: "webhooks.failing" } : { tone: "good", label: "webhooks.on" };
}

export function messageStanding(row: WebhookMessage): { tone: Tone; label: Key } {
  if (row.state === "pending") {
    return row.attempts > 0
      ? { tone: "warn", label: "webhooks.message_retrying" }
      : { tone: "info", label: "webhooks.message_pending" };
  }
  return row.state === "delivered"
    ? { tone: "good", label: "webhooks.message_delivered" }
    : { tone: "bad", label: "webhooks.message_failed" };
}
