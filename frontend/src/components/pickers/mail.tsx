import { Select, type SelectProps } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQueries } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "@/api/client";
import { useT } from "@/i18n";

/** Mails by a part of their name, found by the server, and the chosen one, wherever it stands. */
export function useMailSearch(chosenId: string | null) {
  const [search, setSearch] = useState("");
  const [q] = useDebouncedValue(search.trim(), 250);
  const mails = api.useQuery(
    "get",
    "/v1/mails",
    { params: { query: { q: q || undefined, limit: 50, sort: "-updated_at" } } },
    { placeholderData: keepPreviousData },
  );
  const found = mails.data?.items ?? [];
  const isMissing = chosenId !== null && mails.data !== undefined && !found.some((mail) => mail.id === chosenId);
  const chosen = api.useQuery(
    "get",
    "/v1/mails/{id}",
    { params: { path: { id: chosenId ?? "" } } },
    { enabled: isMissing },
  );
  const known = isMissing && chosen.data ? [chosen.data, ...found] : found;
  return { known, picked: known.find((mail) => mail.id === chosenId), setSearch };
}

/** Names of some mails, each read by its id. */
export function useMailNames(ids: readonly string[]): (id: string) => string {
  const wanted = [...new Set(ids)];
  const found = useQueries({
    queries: wanted.map((id) => api.queryOptions("get", "/v1/mails/{id}", { params: { path: { id } } })),
  });
  return (id) => found[wanted.indexOf(id)]?.data?.name ?? "";
}

/** Shows what a search found; the rest is as with every select. */
export function MailSelect({ search, ...props }: SelectProps & { search: ReturnType<typeof useMailSearch> }) {
  const t = useT();
  const nameOf = (mail: { name: string }) => mail.name || t("mails.untitled");
  return (
    <Select
      label={t("wizard.choose_mail")}
      required
      searchable
      allowDeselect={false}
      filter={({ options }) => options}
      onSearchChange={(text) => {
        // Choosing an option writes its label into the field: that is no search.
        if (!search.picked || text !== nameOf(search.picked)) {
          search.setSearch(text);
        }
      }}
      data={search.known.map((mail) => ({ value: mail.id, label: nameOf(mail) }))}
      nothingFoundMessage={t("picker.nothing")}
      {...props}
    />
  );
}
