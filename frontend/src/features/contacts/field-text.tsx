import type { ContactField } from "@/api/types";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";

/** One own field's value as text for tables and pages. */
export function FieldText(props: { field: ContactField; value: unknown }) {
  const t = useT();
  const format = useFormat();
  const { field, value } = props;
  if (value === null || value === undefined || value === "") {
    return <span>–</span>;
  }
  if (typeof value === "boolean") {
    return <span>{value ? t("common.yes") : t("common.no")}</span>;
  }
  if (typeof value === "number") {
    return <span className="num">{format.number(value)}</span>;
  }
  if (Array.isArray(value)) {
    return <span>{value.join(", ")}</span>;
  }
  if (field.type === "datetime") {
    return <span>{format.dateTime(String(value))}</span>;
  }
  return <span>{String(value)}</span>;
}
