import { redirect } from "@tanstack/react-router";
import type { Me } from "@/api/types";
import { session, useSession } from "./session";

export type Permission =
  | "contacts.read"
  | "contacts.write"
  | "contacts.export"
  | "lists.write"
  | "mails.read"
  | "mails.write"
  | "campaigns.read"
  | "campaigns.write"
  | "campaigns.send"
  | "reports.read"
  | "settings.read"
  | "settings.write"
  | "users.manage"
  | "support.grant"
  | "reports.export"
  | "security.manage"
  | "roles.manage"
  | "tokens.manage"
  | "tenant.own"
  | "audit.read"
  | "webhooks.manage"
  | "contacts.erase";

/** The logged-in person. Only below the guarded layout. */
export function useMe(): Me {
  const state = useSession();
  if (state.status !== "signed_in") {
    throw new Error("useMe outside of the guarded layout");
  }
  return state.me;
}

export function useCan(permission: Permission): boolean {
  const state = useSession();
  return state.status === "signed_in" && state.me.permissions.includes(permission);
}

/** For `beforeLoad`: resumes the session after a reload, otherwise leads to the log-in page and back again. */
export async function requireSession(href: string): Promise<void> {
  const state = session.state.status === "resuming" ? await session.resume() : session.state;
  if (state.status !== "signed_in") {
    throw redirect({ to: "/login", search: href === "/" ? {} : { next: href } });
  }
}
