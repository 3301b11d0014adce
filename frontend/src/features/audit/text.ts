import { translate, translateCode } from "@/i18n";

interface Actor {
  actor_kind: string;
  actor_name?: string | null;
}

/** Who it was: a person by name, everybody else by what they are. */
export function actorText({ actor_kind, actor_name }: Actor): string {
  const kind = translateCode("audit_actor", actor_kind);
  if (!actor_name) {
    return kind;
  }
  return actor_kind === "user" ? actor_name : translate("audit.actor_for", { kind, name: actor_name });
}

export const actionText = (action: string): string => translateCode("audit_action", action);
export const kindText = (kind: string): string => translateCode("audit_subject", kind);
export const operationText = (operation: string): string => translateCode("audit_look", operation);
