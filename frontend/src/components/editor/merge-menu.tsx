import { Button, Menu, ScrollArea, Text } from "@mantine/core";
import { IconBraces, IconChevronDown } from "@tabler/icons-react";
import { api } from "@/api/client";
import type { MergeField } from "@/api/types";
import { useT } from "@/i18n";
import { groupBy } from "@/lib/group";

type Entry = Omit<MergeField, "group"> & { group: MergeField["group"] | "block" };

/** 差し込み: every field that can be merged, by group, with an example. Calls back with the token to insert. */
export function MergeMenu(props: { onInsert: (token: string) => void }) {
  const t = useT();
  const fields = api.useQuery("get", "/v1/merge-fields", {}, { staleTime: 60_000 });
  const blocks = api.useQuery("get", "/v1/blocks", {}, { staleTime: 60_000 });
  const entries: Entry[] = [
    ...(fields.data?.items ?? []),
    ...(blocks.data?.items ?? []).map(
      (block): Entry => ({ token: `{{ block("${block.key}") }}`, label: block.name, group: "block", sample: "" }),
    ),
  ];
  const groups = groupBy(entries, (entry) => entry.group);
  return (
    <Menu position="bottom-start" width={320} returnFocus={false}>
      <Menu.Target>
        <Button
          size="xs"
          variant="default"
          leftSection={<IconBraces size={14} />}
          rightSection={<IconChevronDown size={12} />}
          // The cursor stays where it is: that is where the token goes.
          onMouseDown={(event) => event.preventDefault()}
        >
          {t("merge.insert")}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <ScrollArea.Autosize mah={360} type="auto">
          {[...groups].map(([group, items]) => (
            <div key={group}>
              <Menu.Label>{t(`merge_group.${group}`)}</Menu.Label>
              {items.map((item) => (
                <Menu.Item key={item.token} onClick={() => props.onInsert(item.token)}>
                  <Text size="sm">{item.label}</Text>
                  <Text size="xs" c="dimmed" className="kb-mono" truncate>
                    {item.token}
                    {item.sample ? ` → ${item.sample}` : ""}
                  </Text>
                </Menu.Item>
              ))}
            </div>
          ))}
        </ScrollArea.Autosize>
      </Menu.Dropdown>
    </Menu>
  );
}
