import { MultiSelect } from "@mantine/core";
import { useT } from "@/i18n";
import { useListPicker } from "./lists";

export function ListsSelect(props: {
  label: string;
  description?: string;
  value: string[];
  onChange: (value: string[]) => void;
  error?: React.ReactNode;
  disabled?: boolean;
}) {
  const t = useT();
  const { props: picker, status } = useListPicker(props.value);
  return (
    <>
      <MultiSelect
        label={props.label}
        description={props.description}
        {...picker}
        value={props.value}
        onChange={props.onChange}
        error={props.error}
        disabled={props.disabled}
        clearable
        placeholder={props.value.length === 0 ? t("picker.lists") : undefined}
      />
      {status}
    </>
  );
}
