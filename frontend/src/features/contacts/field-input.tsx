import { Checkbox, MultiSelect, NumberInput, Select, Textarea, TextInput } from "@mantine/core";
import type { ReactNode } from "react";
import type { ContactField } from "@/api/types";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { utcToWall, wallToUtc } from "@/lib/zone";

interface Props {
  field: ContactField;
  value: unknown;
  onChange: (value: unknown) => void;
  error?: ReactNode;
}

/** The input for one own field, by its type. An emptied field becomes null. */
export function FieldInput({ field, value, onChange, error }: Props) {
  const t = useT();
  const { timeZone } = useFormat();
  const common = { label: field.label, required: field.required, error };
  const word = typeof value === "string" ? value : "";
  const onText = (event: { currentTarget: { value: string } }) => onChange(event.currentTarget.value || null);
  switch (field.type) {
    case "long_text":
      return <Textarea {...common} autosize minRows={2} maxRows={8} value={word} onChange={onText} />;
    case "number":
      return (
        <NumberInput
          {...common}
          value={typeof value === "number" ? value : ""}
          onChange={(next) => onChange(typeof next === "number" ? next : null)}
        />
      );
    case "date":
      return <TextInput {...common} type="date" value={word} onChange={onText} />;
    case "datetime":
      return (
        <TextInput
          {...common}
          type="datetime-local"
          value={word ? utcToWall(word, timeZone) : ""}
          onChange={(event) => {
            const wall = event.currentTarget.value;
            onChange(wall ? wallToUtc(wall, timeZone) : null);
          }}
        />
      );
    case "boolean":
      return (
        <Checkbox
          label={field.label}
          error={error}
          checked={value === true}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
      );
    case "choice":
      return (
        <Select
          {...common}
          clearable
          data={field.choices ?? []}
          value={word || null}
          onChange={(next) => onChange(next)}
        />
      );
    case "multi_choice":
      return (
        <MultiSelect
          {...common}
          clearable
          clearButtonProps={{ "aria-label": t("picker.clear") }}
          data={field.choices ?? []}
          value={Array.isArray(value) ? (value as string[]) : []}
          onChange={(next) => onChange(next.length > 0 ? next : null)}
        />
      );
    case "url":
      return <TextInput {...common} type="url" inputMode="url" placeholder="https://" value={word} onChange={onText} />;
    case "phone":
      return <TextInput {...common} type="tel" inputMode="tel" value={word} onChange={onText} />;
    default:
      return <TextInput {...common} value={word} onChange={onText} />;
  }
}
