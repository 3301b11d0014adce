import { Text, UnstyledButton } from "@mantine/core";
import type { Delivery } from "@/api/types";
import { DeliveryStateLabel, replyText } from "@/components/delivery/detail";
import type { Column } from "@/components/table/data-table";
import { translateCode, useT } from "@/i18n";
import { useFormat } from "@/i18n/format";

/** What every table of deliveries says of each: to whom, how it stands, what the other server said. */
export function useDeliveryColumns<T extends Delivery>(onOpen: (row: T) => void) {
  const t = useT();
  const format = useFormat();
  return {
    address: {
      id: "address",
      header: t("contacts.email"),
      cell: (row) => (
        <div>
          <UnstyledButton onClick={() => onOpen(row)} aria-haspopup="dialog">
            <Text size="sm" fw={500} c="var(--mantine-color-anchor)">
              {row.address}
            </Text>
          </UnstyledButton>
          {row.name ? (
            <Text size="xs" c="dimmed">
              {row.name}
            </Text>
          ) : null}
        </div>
      ),
    },
    state: {
      id: "state",
      header: t("recipients.state"),
      width: 120,
      cell: (row) => <DeliveryStateLabel state={row.state} />,
    },
    reply: {
      id: "reply",
      header: t("recipients.reply"),
      cell: (row) => (
        <Text size="xs" className="kb-mono" lineClamp={1} c={row.last_reply ? undefined : "dimmed"}>
          {replyText(row) ?? (row.reason ? translateCode("reason", row.reason) : "–")}
        </Text>
      ),
    },
    accepted: {
      id: "accepted",
      header: t("recipients.accepted_at"),
      numeric: true,
      width: 150,
      cell: (row) => (row.accepted_at ? format.dateTime(row.accepted_at) : "–"),
    },
  } satisfies Record<string, Column<T>>;
}
