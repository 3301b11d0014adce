import { ActionIcon, Anchor, Group, Menu, Text } from "@mantine/core";
import { IconCake, IconDots } from "@tabler/icons-react";
import { useState } from "react";
import { api } from "@/api/client";
import { refresh } from "@/api/query";
import type { DateMail } from "@/api/types";
import { useCan } from "@/auth/guard";
import { Page } from "@/components/layout/page";
import type { Column } from "@/components/table/data-table";
import { CreateButton, TablePanel } from "@/components/table/table-panel";
import { ConfirmDialog } from "@/components/ui/confirm";
import { notifyDone } from "@/components/ui/notify";
import { Status } from "@/components/ui/status";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { Days } from "./days";
import { DateMailForm } from "./form";
import type { DateMailSearch } from "./search";
import { reasonText, useDayText } from "./text";

type Asking = { what: "activate" | "pause" | "delete"; row: DateMail };

interface Props {
  search: DateMailSearch;
  onSearch: (change: Partial<DateMailSearch>) => void;
}

/** Mails that go out each day to those whose date it is. */
export function DateMailsScreen({ search, onSearch }: Props) {
  const t = useT();
  const format = useFormat();
  const canWrite = useCan("campaigns.write");
  const canSend = useCan("campaigns.send");
  const dayText = useDayText();
  const [asking, setAsking] = useState<Asking | null>(null);
  const query = api.useQuery("get", "/v1/date-mails");
  const find = (id?: string) => query.data?.items.find((row) => row.id === id);
  const [editing, looking] = [find(search.edit), find(search.days)];
  const close = () => onSearch({ create: undefined, edit: undefined, days: undefined });
  const activate = api.useMutation("post", "/v1/date-mails/{id}/activate");
  const pause = api.useMutation("post", "/v1/date-mails/{id}/pause");
  const remove = api.useMutation("delete", "/v1/date-mails/{id}");
  const confirm = async () => {
    if (!asking) {
      return;
    }
    const { what, row } = asking;
    const path = { id: row.id };
    if (what === "delete") {
      await remove.mutateAsync({ params: { path, header: { "If-Match": `"${row.version}"` } } });
    } else {
      await (what === "activate" ? activate : pause).mutateAsync({ params: { path } });
    }
    await refresh("/v1/date-mails", "/v1/campaign-calendar", "/v1/campaigns", "/v1/summary");
    notifyDone(t(`date_mails.done_${what}`));
  };
  const columns: Column<DateMail>[] = [
    {
      id: "name",
      header: t("date_mails.name"),
      cell: (row) => (
        <div>
          <Anchor
            component="button"
            type="button"
            size="sm"
            fw={500}
            ta="left"
            onClick={() => onSearch({ days: row.id })}
          >
            {row.name}
          </Anchor>
          <Text size="xs" c="dimmed">
            {dayText(row)}
          </Text>
        </div>
      ),
    },
    {
      id: "state",
      header: t("campaigns.state"),
      cell: (row) => (
        <div>
          <Status tone={row.state === "active" ? "good" : "idle"} label={t(`date_mails.state_${row.state}`)} />
          {row.state_reason ? <Text size="xs">{reasonText(row.state_reason, format.day)}</Text> : null}
        </div>
      ),
    },
    {
      id: "next",
      header: t("date_mails.next_at"),
      numeric: true,
      width: 160,
      cell: (row) => (row.next_at ? format.dateTime(row.next_at) : "–"),
    },
    {
      id: "actions",
      header: t("common.menu"),
      actions: true,
      width: 60,
      cell: (row) => (
        <Menu position="bottom-end">
          <Menu.Target>
            <ActionIcon variant="subtle" color="gray" aria-label={`${t("common.menu")}: ${row.name}`}>
              <IconDots size={16} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item onClick={() => onSearch({ days: row.id })}>{t("date_mails.days")}</Menu.Item>
            {canWrite && (canSend || row.state === "paused") ? (
              <Menu.Item onClick={() => onSearch({ edit: row.id })}>{t("common.edit")}</Menu.Item>
            ) : null}
            {canSend ? (
              <Menu.Item onClick={() => setAsking({ what: row.state === "active" ? "pause" : "activate", row })}>
                {t(row.state === "active" ? "date_mails.pause" : "date_mails.activate")}
              </Menu.Item>
            ) : null}
            {canWrite ? (
              <Menu.Item color="red" onClick={() => setAsking({ what: "delete", row })}>
                {t("common.delete")}
              </Menu.Item>
            ) : null}
          </Menu.Dropdown>
        </Menu>
      ),
    },
  ];
  const create = canWrite ? (
    <CreateButton label={t("date_mails.create")} onClick={() => onSearch({ create: true })} />
  ) : null;
  return (
    <Page title={t("nav.date_mails")} description={t("date_mails.description")} actions={create}>
      <TablePanel
        caption={t("nav.date_mails")}
        columns={columns}
        query={query}
        empty={{ icon: IconCake, title: t("date_mails.empty_title"), body: t("date_mails.empty_body"), action: create }}
      />
      <Group mt="sm">
        <Text size="xs" c="dimmed">
          {t("date_mails.edits_help")}
        </Text>
      </Group>
      {search.create ? <DateMailForm dateMail={null} onClose={close} /> : null}
      {editing ? <DateMailForm key={editing.id} dateMail={editing} onClose={close} /> : null}
      {looking ? <Days dateMail={looking} onClose={close} /> : null}
      <ConfirmDialog
        opened={asking !== null}
        onClose={() => setAsking(null)}
        title={asking ? t(`date_mails.ask_${asking.what}`) : ""}
        confirm={
          asking?.what === "delete"
            ? t("common.delete")
            : t(asking?.what === "pause" ? "date_mails.pause" : "date_mails.activate")
        }
        danger={asking?.what === "delete"}
        onConfirm={confirm}
      >
        {asking ? (
          <>
            <Text fw={600}>{asking.row.name}</Text>
            <Text size="sm">{dayText(asking.row)}</Text>
            <Text size="sm" c="dimmed" mt="xs">
              {t(`date_mails.ask_${asking.what}_help`)}
            </Text>
          </>
        ) : null}
      </ConfirmDialog>
    </Page>
  );
}
