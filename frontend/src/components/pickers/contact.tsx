import { Select } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "@/api/client";
import type { Contact } from "@/api/types";
import { useT } from "@/i18n";

const nameOf = (contact: Contact) => (contact.name ? `${contact.name} <${contact.email}>` : contact.email);

/** Finds one contact by part of the address or name; the server searches. */
export function ContactPicker(props: {
  label: string;
  description?: string;
  value: string | null;
  onChange: (id: string | null) => void;
}) {
  const t = useT();
  const [query, setQuery] = useState("");
  const [chosen, setChosen] = useState<Contact | null>(null);
  const [asked] = useDebouncedValue(query.trim(), 250);
  const found = api.useQuery(
    "get",
    "/v1/contacts",
    { params: { query: { q: asked || undefined, limit: 20 } } },
    { placeholderData: keepPreviousData },
  );
  const items = found.data?.items ?? [];
  const options = chosen && !items.some((item) => item.id === chosen.id) ? [chosen, ...items] : items;
  return (
    <Select
      label={props.label}
      description={props.description}
      placeholder={t("picker.contact")}
      data={options.map((contact) => ({ value: contact.id, label: nameOf(contact) }))}
      value={props.value}
      onChange={(id) => {
        setChosen(options.find((item) => item.id === id) ?? null);
        props.onChange(id);
      }}
      searchable
      clearable
      clearButtonProps={{ "aria-label": t("picker.clear") }}
      filter={({ options: all }) => all}
      onSearchChange={(text) => {
        // Choosing an option writes its label into the field: that is no search.
        if (!chosen || text !== nameOf(chosen)) {
          setQuery(text);
        }
      }}
      nothingFoundMessage={found.isFetching ? t("state.loading") : t("picker.nothing")}
    />
  );
}
