import { Text } from "@mantine/core";
import { IconWebhook } from "@tabler/icons-react";
import { useState } from "react";
import { api } from "@/api/client";
import type { Webhook } from "@/api/types";
import { Page } from "@/components/layout/page";
import type { Column } from "@/components/table/data-table";
import { CreateButton, TablePanel } from "@/components/table/table-panel";
import { TextLink } from "@/components/ui/link-button";
import { Status } from "@/components/ui/status";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { standing } from "./events";
import { WebhookDialog } from "./form";
import { SecretDialog } from "./secret";

/** Addresses that are told what happens. */
export function WebhooksScreen() {
  const t = useT();
  const format = useFormat();
  const [adding, setAdding] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const query = api.useQuery("get", "/v1/webhooks", {}, { refetchInterval: 10_000 });
  const columns: Column<Webhook>[] = [
    {
      id: "url",
      header: t("webhooks.url"),
      cell: (row) => (
        <div style={{ overflowWrap: "anywhere" }}>
          <TextLink to="/settings/webhooks/$webhookId" params={{ webhookId: row.id }} size="sm" fw={500}>
            {row.description || row.url}
          </TextLink>
          {row.description ? (
            <Text size="xs" c="dimmed">
              {row.url}
            </Text>
          ) : null}
        </div>
      ),
    },
    {
      id: "events",
      header: t("webhooks.events"),
      numeric: true,
      cell: (row) => t("webhooks.kinds", { count: row.events.length }),
    },
    {
      id: "state",
      header: t("webhooks.state"),
      cell: (row) => {
        const { tone, label } = standing(row);
        return <Status tone={tone} label={t(label)} />;
      },
    },
    {
      id: "success",
      header: t("webhooks.last_success"),
      numeric: true,
      cell: (row) => (row.last_success_at ? format.dateTime(row.last_success_at) : "–"),
    },
  ];
  const create = <CreateButton label={t("webhooks.create")} onClick={() => setAdding(true)} />;
  return (
    <Page title={t("nav.webhooks")} description={t("webhooks.description")} actions={create}>
      <TablePanel
        caption={t("nav.webhooks")}
        columns={columns}
        query={query}
        empty={{
          icon: IconWebhook,
          title: t("webhooks.empty_title"),
          body: t("webhooks.empty_body"),
          action: create,
        }}
      />
      {adding ? <WebhookDialog webhook={null} onClose={() => setAdding(false)} onCreated={setSecret} /> : null}
      {secret ? <SecretDialog secret={secret} rotated={false} onClose={() => setSecret(null)} /> : null}
    </Page>
  );
}
