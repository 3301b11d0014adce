import { CloseButton, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { useT } from "@/i18n";

/** A search field that reports what was typed a quarter of a second after the last key. "/" leads to it. */
export function SearchBox(props: { value: string; onChange: (value: string) => void; label: string; w?: number }) {
  const t = useT();
  const [text, setText] = useState(props.value);
  useEffect(() => setText(props.value), [props.value]);
  const report = useDebouncedCallback(props.onChange, 250);
  return (
    <TextInput
      type="search"
      data-search
      aria-label={props.label}
      placeholder={props.label}
      leftSection={<IconSearch size={16} aria-hidden />}
      rightSection={
        text ? (
          <CloseButton
            size="sm"
            aria-label={t("table.clear_search")}
            onClick={() => {
              setText("");
              props.onChange("");
            }}
          />
        ) : null
      }
      w={{ base: "100%", xs: props.w ?? 260 }}
      value={text}
      onChange={(event) => {
        setText(event.currentTarget.value);
        report(event.currentTarget.value.trim());
      }}
    />
  );
}
