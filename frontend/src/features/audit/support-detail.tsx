import { Text } from "@mantine/core";
import type { ReactNode } from "react";
import { permissionLabel } from "@/components/access/support-permission";
import { DefinitionList } from "@/components/ui/definition";
import { TextLink } from "@/components/ui/link-button";
import { useT } from "@/i18n";
import { kindText, operationText } from "./text";

type Values = Readonly<Record<string, unknown>>;

/** What entries of support access say; each has words of its own here. */
const named = ["operator", "operation", "grant_id", "reason", "permissions", "hours"] as const;

/** Of what an entry of support access says: what has words, and what has none. */
export function supportValues(action: string, after: unknown): { known: Values; rest: Values } | null {
  if (!action.startsWith("support.") || typeof after !== "object" || after === null) {
    return null;
  }
  const isNamed = ([name]: [string, unknown]) => (named as readonly string[]).includes(name);
  const values = Object.entries(after);
  return {
    known: Object.fromEntries(values.filter(isNamed)),
    rest: Object.fromEntries(values.filter((value) => !isNamed(value))),
  };
}

/** Staff of the operator who looked, and what they were let see, in words. */
export function SupportDetail({ known }: { known: Values }) {
  const t = useT();
  const { operator, operation, grant_id: grant, reason, permissions, hours } = known;
  const rows: [string, ReactNode][] = [];
  if (typeof operator === "string") {
    rows.push([t("audit.staff"), operator]);
  }
  if (typeof operation === "string") {
    rows.push([t("audit.looked_at"), operationText(operation)]);
  }
  if (typeof reason === "string") {
    rows.push([t("support.reason"), reason]);
  }
  if (Array.isArray(permissions)) {
    rows.push([t("support.permissions"), permissions.map((name) => permissionLabel(String(name))).join(" / ")]);
  }
  if (typeof hours === "number") {
    rows.push([t("support.hours"), t("support.for_hours", { count: hours })]);
  }
  if (typeof grant === "string") {
    rows.push([
      t("audit.grant"),
      <TextLink key="grant" to="/settings/support" size="sm" underline="always">
        {t("audit.grant_link")}
      </TextLink>,
    ]);
  }
  if (rows.length === 0) {
    return null;
  }
  return (
    <>
      <Text fw={600} size="sm" mt="md" mb="xs">
        {kindText("support_grant")}
      </Text>
      <DefinitionList items={rows} />
    </>
  );
}
