import { MultiSelect } from "@mantine/core";
import { useT } from "@/i18n";
import { useLists } from "./lists";

export function ListsSelect(props: {
  label: string;
  description?: string;
  value: string[];
  onChange: (value: string[]) => void;
  error?: React.ReactNode;
  disabled?: boolean;
}) {
  const t = useT();
  const lists = useLists();
  return (
    <MultiSelect
      label={props.label}
      description={props.description}
      data={(lists.data?.items ?? []).map((list) => ({ value: list.id, label: list.name }))}
      value={props.value}
      onChange={props.onChange}
      error={props.error}
      disabled={props.disabled}
      searchable
      clearable
      clearButtonProps={{ "aria-label": t("picker.clear") }}
      nothingFoundMessage={t("picker.nothing")}
      placeholder={props.value.length === 0 ? t("picker.lists") : undefined}
    />
  );
}
