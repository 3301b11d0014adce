import { Button, Group, Text } from "@mantine/core";
import { IconChevronLeft, IconChevronRight, IconChevronsLeft } from "@tabler/icons-react";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";

interface Props {
  cursor: string | undefined;
  nextCursor: string | null | undefined;
  total?: number | null;
  shown: number;
  onCursor: (cursor: string | undefined) => void;
}

/**
 * Where each page was come from. The API's cursors only lead forward; the way back is remembered for this
 * visit, and from a link into the middle there is always the way to the first page.
 */
const cameFrom = new Map<string, string | undefined>();

export function Pager(props: Props) {
  const t = useT();
  const format = useFormat();
  const { cursor, nextCursor } = props;
  const forward = () => {
    if (nextCursor) {
      cameFrom.set(nextCursor, cursor);
      props.onCursor(nextCursor);
    }
  };
  const knowsBack = cursor !== undefined && cameFrom.has(cursor);
  return (
    <Group justify="space-between" px="md" py="xs" component="nav" aria-label={t("table.pages")}>
      <Text size="sm" c="dimmed" className="num">
        {props.total != null
          ? t("table.total", { total: props.total })
          : t("table.shown", { shown: format.number(props.shown) })}
      </Text>
      <Group gap={6}>
        {cursor !== undefined ? (
          <Button
            size="xs"
            variant="default"
            leftSection={<IconChevronsLeft size={14} />}
            onClick={() => props.onCursor(undefined)}
          >
            {t("table.first")}
          </Button>
        ) : null}
        <Button
          size="xs"
          variant="default"
          leftSection={<IconChevronLeft size={14} />}
          disabled={!knowsBack}
          onClick={() => props.onCursor(cursor === undefined ? undefined : cameFrom.get(cursor))}
        >
          {t("table.previous")}
        </Button>
        <Button
          size="xs"
          variant="default"
          rightSection={<IconChevronRight size={14} />}
          disabled={!nextCursor}
          onClick={forward}
        >
          {t("table.next")}
        </Button>
      </Group>
    </Group>
  );
}
