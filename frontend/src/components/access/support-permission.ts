import { translateCode } from "@/i18n";

/** What a grant lets the operator's staff see. */
export function permissionLabel(name: string): string {
  return translateCode("support_permission", name.replace(".", "_"));
}
