import { Text } from "@mantine/core";
import { IconLayoutList, IconPlus } from "@tabler/icons-react";
import { api, inBackground } from "@/api/client";
import type { Sequence } from "@/api/types";
import { useCan } from "@/auth/guard";
import { Page } from "@/components/layout/page";
import { type Column, DataTable } from "@/components/table/data-table";
import { LinkButton, TextLink } from "@/components/ui/link-button";
import { EmptyState } from "@/components/ui/state-view";
import { Status } from "@/components/ui/status";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { stateTones, useEntryText } from "./text";

/** Mails that each person gets one after the other. */
export function SequencesScreen() {
  const t = useT();
  const format = useFormat();
  const canWrite = useCan("campaigns.write");
  const query = api.useQuery("get", "/v1/sequences", inBackground);
  const entryText = useEntryText(query.data?.items.map((row) => row.entry) ?? []);
  const columns: Column<Sequence>[] = [
    {
      id: "name",
      header: t("sequences.name"),
      cell: (row) => (
        <div>
          <TextLink to="/sequences/$sequenceId" params={{ sequenceId: row.id }} size="sm" fw={500}>
            {row.name}
          </TextLink>
          <Text size="xs" c="dimmed">
            {entryText(row.entry)}
          </Text>
        </div>
      ),
    },
    {
      id: "state",
      header: t("campaigns.state"),
      cell: (row) => <Status tone={stateTones[row.state]} label={t(`sequences.state_${row.state}`)} />,
    },
    {
      id: "steps",
      header: t("sequences.steps"),
      numeric: true,
      width: 110,
      cell: (row) => format.number(row.steps.length),
    },
    {
      id: "active",
      header: t("sequences.inside"),
      numeric: true,
      width: 130,
      cell: (row) => format.number(row.active),
    },
  ];
  const create = canWrite ? (
    <LinkButton to="/sequences/new" leftSection={<IconPlus size={16} />}>
      {t("sequences.create")}
    </LinkButton>
  ) : null;
  return (
    <Page title={t("nav.sequences")} description={t("sequences.description")} actions={create}>
      <div className="kb-panel">
        <DataTable
          caption={t("nav.sequences")}
          columns={columns}
          rows={query.data?.items}
          rowId={(row) => row.id}
          error={query.error}
          onRetry={() => void query.refetch()}
          empty={
            <EmptyState
              icon={IconLayoutList}
              title={t("sequences.empty_title")}
              body={t("sequences.empty_body")}
              action={create}
            />
          }
        />
      </div>
    </Page>
  );
}
