import { Group, Text } from "@mantine/core";
import { IconLayoutList } from "@tabler/icons-react";
import { api, inBackground } from "@/api/client";
import type { Sequence, SequenceStepResult } from "@/api/types";
import { useMailNames } from "@/components/pickers/mail";
import { type Column, DataTable } from "@/components/table/data-table";
import { TextLink } from "@/components/ui/link-button";
import { EmptyState } from "@/components/ui/state-view";
import { translateCode, useT } from "@/i18n";
import { useFormat } from "@/i18n/format";

/** Step by step: who waits for it, who got it, who opened and clicked. */
export function Results({ sequence }: { sequence: Sequence }) {
  const t = useT();
  const format = useFormat();
  const query = api.useQuery("get", "/v1/sequences/{id}/results", {
    params: { path: { id: sequence.id } },
    ...inBackground,
  });
  const mailName = useMailNames(query.data?.steps.map((row) => row.mail_id) ?? []);
  const number = (row: SequenceStepResult) => {
    const index = sequence.steps.findIndex((step) => step.id === row.step_id);
    return row.removed ? t("sequences.removed_step") : t("sequences.step_number", { number: index + 1 });
  };
  const count = (id: string, header: string, of: (row: SequenceStepResult) => number): Column<SequenceStepResult> => ({
    id,
    header,
    numeric: true,
    cell: (row) => format.number(of(row)),
  });
  const columns: Column<SequenceStepResult>[] = [
    {
      id: "step",
      header: t("sequences.step"),
      cell: (row) => (
        <div>
          {row.campaign_id ? (
            <TextLink to="/campaigns/$campaignId" params={{ campaignId: row.campaign_id }} size="sm" fw={500}>
              {number(row)}
            </TextLink>
          ) : (
            <Text size="sm" fw={500}>
              {number(row)}
            </Text>
          )}
          <Text size="xs" c="dimmed">
            {mailName(row.mail_id)}
          </Text>
          {row.campaign_id ? (
            <TextLink
              to="/campaigns/$campaignId"
              params={{ campaignId: row.campaign_id }}
              search={{ tab: "recipients" }}
              size="xs"
            >
              {t("sequences.to_recipients")}
            </TextLink>
          ) : null}
        </div>
      ),
    },
    count("waiting", t("sequences.waiting"), (row) => row.waiting),
    count("accepted", t("count.accepted"), (row) => row.counts.accepted),
    count("opened", t("count.opened"), (row) => row.counts.opened),
    count("clicked", t("count.clicked"), (row) => row.counts.clicked),
    count("skipped", t("count.skipped"), (row) => row.counts.skipped),
    {
      ...count("failed", t("count.failed"), (row) => row.counts.failed),
      cell: (row) =>
        row.campaign_id && row.counts.failed > 0 ? (
          <TextLink
            to="/campaigns/$campaignId"
            params={{ campaignId: row.campaign_id }}
            search={{ tab: "recipients", state: "failed" }}
            size="sm"
          >
            {format.number(row.counts.failed)}
          </TextLink>
        ) : (
          format.number(row.counts.failed)
        ),
    },
  ];
  const totals = query.data;
  return (
    <>
      {totals ? (
        <Group gap="lg" mb="sm">
          {(["active", "done", "left"] as const).map((state) => (
            <Text key={state} size="sm">
              {t(`sequences.people_${state}`)} <strong className="num">{format.number(totals[state])}</strong>
            </Text>
          ))}
        </Group>
      ) : null}
      {totals && totals.reasons.length > 0 ? (
        <Text size="sm" c="dimmed" mb="sm">
          {t("sequences.left_because", {
            reasons: totals.reasons
              .map((item) => `${translateCode("reason", item.reason)} ${format.number(item.count)}`)
              .join(t("common.list_separator")),
          })}
        </Text>
      ) : null}
      <div className="kb-panel">
        <DataTable
          caption={t("sequences.tab_results")}
          columns={columns}
          rows={query.data?.steps}
          rowId={(row) => row.step_id}
          error={query.error}
          onRetry={() => void query.refetch()}
          empty={<EmptyState icon={IconLayoutList} title={t("sequences.no_steps")} body={t("sequences.empty_body")} />}
        />
      </div>
    </>
  );
}
