import { Select } from "@mantine/core";
import { api } from "@/api/client";
import { useT } from "@/i18n";

/** All lists of the tenant, for choosing and for naming. */
export function useLists() {
  return api.useQuery("get", "/v1/lists", { params: { query: { limit: 200, sort: "name" } } });
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
      w={160}
    />
  );
}
