import { Button, Popover, Stack, TextInput } from "@mantine/core";
import { IconCalendar } from "@tabler/icons-react";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";

interface Days {
  from?: string;
  to?: string;
}

/** Contacts that were added between two days, both included. Closed, it says which. */
export function DaysFilter(props: Days & { onChange: (change: Days) => void }) {
  const t = useT();
  const format = useFormat();
  const { from, to } = props;
  const words = [from ? format.day(from) : "", to ? format.day(to) : ""];
  return (
    <Popover position="bottom-start" shadow="md" withinPortal trapFocus>
      <Popover.Target>
        <Button variant="default" leftSection={<IconCalendar size={16} />}>
          {t("contacts.created_days")}
          {from || to ? ` ${words.join(" – ").trim()}` : ""}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <Stack gap="xs">
          <TextInput
            type="date"
            label={t("contacts.created_from")}
            value={from ?? ""}
            max={to}
            onChange={(event) => props.onChange({ from: event.currentTarget.value || undefined })}
          />
          <TextInput
            type="date"
            label={t("contacts.created_to")}
            value={to ?? ""}
            min={from}
            onChange={(event) => props.onChange({ to: event.currentTarget.value || undefined })}
          />
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}
