import { MultiSelect, Select } from "@mantine/core";
import { api } from "@/api/client";
import { useT } from "@/i18n";

/** All lists of the tenant, for choosing and for naming. */
export function useLists() {
  return api.useQuery("get", "/v1/lists", { params: { query: { limit: 200, sort: "name" } } });
}

export function ListsSelect(props: {
  label: string;
  description?: string;
  value: string[];
  onChange: (value: string[]) => void;
  error?: React.ReactNode;
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
      searchable
      clearable
      clearButtonProps={{ "aria-label": t("picker.clear") }}
      nothingFoundMessage={t("picker.nothing")}
      placeholder={props.value.length === 0 ? t("picker.lists") : undefined}
    />
  );
}

export function ListFilter(props: { value: string | undefined; onChange: (value: string | undefined) => void }) {
  const t = useT();
  const lists = useLists();
  return (
    <Select
      aria-label={t("picker.list_filter")}
      placeholder={t("picker.list_filter")}
      data={(lists.data?.items ?? []).map((list) => ({ value: list.id, label: list.name }))}
      value={props.value ?? null}
      onChange={(value) => props.onChange(value ?? undefined)}
      searchable
      clearable
      clearButtonProps={{ "aria-label": t("picker.clear") }}
      nothingFoundMessage={t("picker.nothing")}
      w={180}
    />
  );
}
