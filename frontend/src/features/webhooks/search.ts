import type { WebhookMessageState } from "@/api/types";
import { oneOf, type RawSearch, text } from "@/lib/search-params";

export const messageStates = ["pending", "delivered", "failed"] as const satisfies readonly WebhookMessageState[];

export interface WebhookSearch {
  state?: WebhookMessageState;
  type?: string;
  /** The message that is looked at. */
  open?: string;
  cursor?: string;
}

export function parseWebhook(raw: RawSearch): WebhookSearch {
  return {
    state: oneOf(raw, "state", messageStates),
    type: text(raw, "type"),
    open: text(raw, "open"),
    cursor: text(raw, "cursor"),
  };
}
