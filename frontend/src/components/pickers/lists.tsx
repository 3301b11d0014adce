import { type ComboboxItem, Select, type SelectProps, VisuallyHidden } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { client } from "@/api/client";
import { useT } from "@/i18n";
import { matching } from "@/lib/fold";

/** As many as the API gives at once. */
const pageSize = 200;
/** As many as a menu shows at once: whoever has more types a part of the name. */
const most = 100;

/** Lists by name: the first page, and the pages behind it once they are wanted or hold one of `needed`. */
export function useLists({ all = false, needed = [] as readonly string[] } = {}) {
  const query = useInfiniteQuery({
    queryKey: ["get", "/v1/lists", "by page"],
    initialPageParam: undefined as string | undefined,
    queryFn: async ({ pageParam, signal }) => {
      const { data, error } = await client.GET("/v1/lists", {
        params: { query: { limit: pageSize, sort: "name", cursor: pageParam } },
        signal,
      });
      if (!data) {
        throw error;
      }
      return data;
    },
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
  const { data, hasNextPage, isFetching, isError, fetchNextPage } = query;
  const items = useMemo(() => data?.pages.flatMap((page) => page.items) ?? [], [data]);
  const known = useMemo(() => new Map(items.map((list) => [list.id, list.name])), [items]);
  const goesOn = (all || needed.some((id) => !known.has(id))) && hasNextPage && !isFetching && !isError;
  const pages = data?.pages.length;
  // biome-ignore lint/correctness/useExhaustiveDependencies: each page asks for the one behind it
  useEffect(() => {
    if (goesOn) {
      void fetchNextPage();
    }
  }, [goesOn, pages, fetchNextPage]);
  return {
    items,
    known,
    isComplete: data !== undefined && !hasNextPage,
    isError,
    retry: () => void (data ? fetchNextPage() : query.refetch()),
  };
}

/** What a select of lists is given, so that any list is found by a part of its name and what is chosen is named. */
export function useListPicker(chosen: readonly string[]) {
  const t = useT();
  const [touched, setTouched] = useState(false);
  const [opened, setOpened] = useState(false);
  const [search, setSearch] = useState("");
  const lists = useLists({ all: touched, needed: chosen });
  const { items, known, isComplete, isError } = lists;
  const strangers = chosen.filter((id) => !known.has(id));
  const stranger = isComplete ? t("picker.gone") : t("state.loading");
  const data = [
    ...items.map((list) => ({ value: list.id, label: list.name })),
    ...strangers.map((value) => ({ value, label: stranger })),
  ];
  const shown = (text: string): ComboboxItem[] => {
    const found = matching(data, text, (item) => item.label);
    const label = t("picker.more", { more: found.length - most });
    return found.length > most ? [...found.slice(0, most), { value: "more", label, disabled: true }] : found;
  };
  const touch = () => {
    setTouched(true);
    if (isError) {
      lists.retry();
    }
  };
  const isSearch = opened && search.trim() !== "" && !chosen.some((id) => known.get(id) === search);
  return {
    props: {
      data,
      searchable: true,
      onFocus: touch,
      onDropdownOpen: () => setOpened(true),
      onDropdownClose: () => setOpened(false),
      onSearchChange: setSearch,
      filter: ({ search: text }: { search: string }) => shown(text),
      nothingFoundMessage: t(isError ? "picker.failed" : isComplete ? "picker.nothing" : "state.loading"),
      clearButtonProps: { "aria-label": t("picker.clear") },
    },
    /** Says to those who don't see the menu how many were found. */
    status: (
      <VisuallyHidden role="status">
        {isSearch && isComplete
          ? t("picker.found", { count: matching(data, search, (item) => item.label).length })
          : ""}
      </VisuallyHidden>
    ),
  };
}

/** One list, found by a part of its name. */
export function ListSelect(props: Omit<SelectProps, "data">) {
  const { props: picker, status } = useListPicker(props.value ? [String(props.value)] : []);
  return (
    <>
      <Select
        {...picker}
        {...props}
        onFocus={(event) => {
          picker.onFocus();
          props.onFocus?.(event);
        }}
      />
      {status}
    </>
  );
}

export function ListFilter(props: { value: string | undefined; onChange: (value: string | undefined) => void }) {
  const t = useT();
  return (
    <ListSelect
      aria-label={t("picker.list_filter")}
      placeholder={t("picker.list_filter")}
      value={props.value ?? null}
      onChange={(value) => props.onChange(value ?? undefined)}
      clearable
      w={160}
    />
  );
}
