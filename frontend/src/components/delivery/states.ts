import type { DeliveryState } from "@/api/types";

export const deliveryStates: readonly DeliveryState[] = [
  "queued",
  "claimed",
  "accepted",
  "deferred",
  "failed",
  "unknown",
  "skipped",
];
