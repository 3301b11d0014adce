import { Text } from "@mantine/core";
import { useMemo } from "react";
import type { Contact, ContactField } from "@/api/types";
import type { Column } from "@/components/table/data-table";
import { TextLink } from "@/components/ui/link-button";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { FieldText } from "./field-text";
import { ContactStatusLabel } from "./status";

/** Columns of the contact table: the fixed ones, then every own field (hidden until chosen). */
export function useContactColumns(fields: readonly ContactField[]): Column<Contact>[] {
  const t = useT();
  const format = useFormat();
  return useMemo(
    () => [
      {
        id: "email",
        header: t("contacts.email"),
        sort: "email",
        cell: (row) => (
          <TextLink to="/contacts/$contactId" params={{ contactId: row.id }} size="sm" fw={500}>
            {row.email}
          </TextLink>
        ),
      },
      { id: "name", header: t("contacts.name"), sort: "name", cell: (row) => row.name || "–" },
      {
        id: "status",
        header: t("contacts.status"),
        width: 120,
        cell: (row) => <ContactStatusLabel status={row.status} />,
      },
      {
        id: "lists",
        header: t("nav.lists"),
        cell: (row) => (
          <Text size="sm" c="dimmed" lineClamp={1}>
            {row.lists?.map((list) => list.name).join("、") || "–"}
          </Text>
        ),
      },
      {
        id: "created_at",
        header: t("contacts.created_at"),
        sort: "created_at",
        numeric: true,
        width: 150,
        cell: (row) => format.dateTime(row.created_at),
      },
      {
        id: "updated_at",
        header: t("contacts.updated_at"),
        numeric: true,
        width: 150,
        optional: true,
        cell: (row) => format.dateTime(row.updated_at),
      },
      ...fields.map(
        (field): Column<Contact> => ({
          id: `field:${field.key}`,
          header: field.label,
          optional: true,
          numeric: field.type === "number",
          cell: (row) => <FieldText field={field} value={row.fields?.[field.key]} />,
        }),
      ),
    ],
    [fields, format, t],
  );
}
