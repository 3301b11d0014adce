import { oneOf, type RawSearch, text } from "@/lib/search-params";

export const tabs = ["steps", "people", "results"] as const;
export const personStates = ["active", "done", "left"] as const;

export interface SequenceSearch {
  tab?: (typeof tabs)[number];
  /** Which people. */
  state?: (typeof personStates)[number];
  /** Who stands at this step. */
  step?: string;
  cursor?: string;
}

export function parseSequence(raw: RawSearch): SequenceSearch {
  return {
    tab: oneOf(raw, "tab", tabs),
    state: oneOf(raw, "state", personStates),
    step: text(raw, "step"),
    cursor: text(raw, "cursor"),
  };
}
