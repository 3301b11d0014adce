import { Button, Checkbox, Popover, Stack } from "@mantine/core";
import { IconColumns3 } from "@tabler/icons-react";
import { useT } from "@/i18n";

/** Chooses the visible columns; the choice is the caller's to keep (in the URL). */
export function ColumnMenu(props: {
  columns: readonly { id: string; header: string }[];
  visible: readonly string[];
  onChange: (visible: string[]) => void;
}) {
  const t = useT();
  return (
    <Popover position="bottom-end" shadow="md" withinPortal trapFocus>
      <Popover.Target>
        <Button variant="default" leftSection={<IconColumns3 size={16} />}>
          {t("table.columns")}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <Checkbox.Group value={[...props.visible]} onChange={props.onChange} aria-label={t("table.columns")}>
          <Stack gap={8} mah={320} style={{ overflowY: "auto" }}>
            {props.columns.map((column) => (
              <Checkbox key={column.id} size="xs" value={column.id} label={column.header} />
            ))}
          </Stack>
        </Checkbox.Group>
      </Popover.Dropdown>
    </Popover>
  );
}
