import type { DeliveryState } from "@/api/types";
import { deliveryStates } from "@/components/delivery/states";
import { oneOf, type RawSearch, text } from "@/lib/search-params";

export interface TransactionalSearch {
  q?: string;
  state?: DeliveryState;
  /** The delivery that is looked at. */
  open?: string;
  cursor?: string;
}

export function parseTransactional(raw: RawSearch): TransactionalSearch {
  return {
    q: text(raw, "q"),
    state: oneOf(raw, "state", deliveryStates),
    open: text(raw, "open"),
    cursor: text(raw, "cursor"),
  };
}
