import type { SignupState } from "@/api/types";
import { flag, oneOf, type RawSearch, text } from "@/lib/search-params";

export const signupStates = ["pending", "confirmed", "expired"] as const satisfies readonly SignupState[];

export interface SignupSearch {
  /** Whether the form of a new one is open. */
  create?: true;
  /** The one that is edited. */
  edit?: string;
  /** The one whose people are looked at. */
  people?: string;
  state?: SignupState;
  cursor?: string;
}

export function parseSignup(raw: RawSearch): SignupSearch {
  return {
    create: flag(raw, "create"),
    edit: text(raw, "edit"),
    people: text(raw, "people"),
    state: oneOf(raw, "state", signupStates),
    cursor: text(raw, "cursor"),
  };
}
