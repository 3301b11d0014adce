import { useMemo } from "react";
import type { Contact, ContactField } from "@/api/types";
import type { Column } from "@/components/table/data-table";
import { TextLink } from "@/components/ui/link-button";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { FieldText } from "./field-text";
import { ContactStatusLabel } from "./status";

/** So many own fields are shown unasked; the others wait in the column menu. */
const shownFields = 2;

/** Columns of the contact table: the fixed ones and every own field. */
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
      ...fields.map(
        (field, index): Column<Contact> => ({
          id: `field:${field.key}`,
          header: field.label,
          optional: index >= shownFields,
          numeric: field.type === "number",
          cell: (row) => {
            const value = row.fields?.[field.key];
            return value === undefined || value === null ? "–" : <FieldText field={field} value={value} />;
          },
        }),
      ),
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
    ],
    [fields, format, t],
  );
}
