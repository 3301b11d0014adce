import { Button, Group, Select, Text } from "@mantine/core";
import { IconRefresh, IconWebhook } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { useState } from "react";
import { api, inBackground } from "@/api/client";
import type { Webhook, WebhookMessage } from "@/api/types";
import { Panel } from "@/components/layout/page";
import { type Column, DataTable } from "@/components/table/data-table";
import { Pager } from "@/components/table/pager";
import { SidePanel } from "@/components/ui/dialog";
import { EmptyState } from "@/components/ui/state-view";
import { Status } from "@/components/ui/status";
import { translateCode, useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { messageStanding } from "./events";
import { failureText } from "./failure";
import { MessageDetail } from "./message";
import { ReplayDialog } from "./replay";
import { messageStates, type WebhookSearch } from "./search";

interface Props {
  webhook: Webhook;
  search: WebhookSearch;
  onSearch: (change: Partial<WebhookSearch>) => void;
}

/** What was sent, what came of it, and sending it again. */
export function Messages({ webhook, search, onSearch }: Props) {
  const t = useT();
  const [replaying, setReplaying] = useState(false);
  const { state, type, cursor } = search;
  const query = api.useQuery(
    "get",
    "/v1/webhooks/{id}/messages",
    { params: { path: { id: webhook.id }, query: { state, type, cursor, limit: 50 } }, ...inBackground },
    { placeholderData: keepPreviousData, refetchInterval: 5_000 },
  );
  const columns = useColumns((id) => onSearch({ open: id }));
  const filtered = state !== undefined || type !== undefined;
  return (
    <Panel title={t("webhooks.log")}>
      <Group gap="xs" mb="sm" justify="space-between">
        <Group gap="xs">
          <Select
            aria-label={t("webhooks.state")}
            placeholder={t("webhooks.state")}
            w={160}
            clearable
            clearButtonProps={{ "aria-label": t("picker.clear") }}
            data={messageStates.map((value) => ({ value, label: t(`webhooks.message_${value}`) }))}
            value={state ?? null}
            onChange={(value) => onSearch({ state: messageStates.find((s) => s === value), cursor: undefined })}
          />
          <Select
            aria-label={t("webhooks.event")}
            placeholder={t("webhooks.event")}
            w={220}
            clearable
            clearButtonProps={{ "aria-label": t("picker.clear") }}
            data={[...webhook.events, "webhook.test"].map((value) => ({
              value,
              label: translateCode("webhook_topic", value),
            }))}
            value={type ?? null}
            onChange={(value) => onSearch({ type: value ?? undefined, cursor: undefined })}
          />
        </Group>
        <Button
          variant="default"
          leftSection={<IconRefresh size={16} />}
          disabled={!webhook.enabled}
          onClick={() => setReplaying(true)}
        >
          {t("webhooks.replay_failed")}
        </Button>
      </Group>
      <DataTable
        caption={t("webhooks.log")}
        columns={columns}
        rows={query.data?.items}
        rowId={(row) => row.id}
        error={query.error}
        onRetry={() => void query.refetch()}
        busy={query.isPlaceholderData}
        empty={
          <EmptyState
            icon={IconWebhook}
            title={t(filtered ? "table.no_match_title" : "webhooks.log_empty_title")}
            body={t(filtered ? "table.no_match_body" : "webhooks.log_empty_body")}
          />
        }
      />
      {query.data && query.data.items.length > 0 ? (
        <Pager
          cursor={cursor}
          nextCursor={query.data.next_cursor}
          shown={query.data.items.length}
          onCursor={(next) => onSearch({ cursor: next })}
        />
      ) : null}
      <Text size="xs" c="dimmed" mt="sm">
        {t("webhooks.log_help")}
      </Text>
      <SidePanel
        opened={search.open !== undefined}
        onClose={() => onSearch({ open: undefined })}
        position="right"
        size="lg"
        title={t("common.details")}
      >
        {search.open ? <MessageDetail webhook={webhook} id={search.open} /> : null}
      </SidePanel>
      {replaying ? <ReplayDialog webhook={webhook} onClose={() => setReplaying(false)} /> : null}
    </Panel>
  );
}

function useColumns(onOpen: (id: string) => void): Column<WebhookMessage>[] {
  const t = useT();
  const format = useFormat();
  return [
    {
      id: "type",
      header: t("webhooks.event"),
      cell: (row) => (
        <Button variant="transparent" size="compact-sm" p={0} onClick={() => onOpen(row.id)}>
          {translateCode("webhook_topic", row.type)}
        </Button>
      ),
    },
    { id: "count", header: t("webhooks.count"), numeric: true, cell: (row) => format.number(row.event_count) },
    {
      id: "state",
      header: t("webhooks.state"),
      cell: (row) => {
        const { tone, label } = messageStanding(row);
        return <Status tone={tone} label={t(label)} />;
      },
    },
    {
      id: "answer",
      header: t("webhooks.answer"),
      cell: (row) => (
        <Text size="sm" lineClamp={4} maw={340} style={{ overflowWrap: "anywhere" }}>
          {row.error ? (failureText(row.error) ?? row.error) : row.status === null ? "–" : `HTTP ${row.status}`}
        </Text>
      ),
    },
    { id: "attempts", header: t("webhooks.attempts"), numeric: true, cell: (row) => format.number(row.attempts) },
    {
      id: "created",
      header: t("webhooks.created"),
      numeric: true,
      width: 150,
      cell: (row) => format.dateTime(row.created_at),
    },
  ];
}
