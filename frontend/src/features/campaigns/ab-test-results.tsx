import { Button, Group, Stack, Table, Text } from "@mantine/core";
import { useState } from "react";
import { api, inBackground } from "@/api/client";
import type { Campaign } from "@/api/types";
import { useCan } from "@/auth/guard";
import { Panel } from "@/components/layout/page";
import { ConfirmDialog } from "@/components/ui/confirm";
import { notifyDone } from "@/components/ui/notify";
import { QueryView } from "@/components/ui/state-view";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { letterOf } from "./ab-test";
import { chooseWinner, isRunning } from "./queries";

type Test = NonNullable<Campaign["ab_test"]>;

/** What became of each variant, the rule, and the choice of the winner. */
export default function AbTestResults({ campaign, test }: { campaign: Campaign; test: Test }) {
  const t = useT();
  const format = useFormat();
  const maySend = useCan("campaigns.send");
  const [asking, setAsking] = useState<number | null>(null);
  const query = api.useQuery(
    "get",
    "/v1/campaigns/{id}/variants",
    { params: { path: { id: campaign.id } }, ...inBackground },
    { refetchInterval: isRunning(campaign) ? 5_000 : 60_000, staleTime: 0 },
  );
  const open = campaign.state === "sending" || campaign.state === "paused";
  const mayChoose = maySend && open && !test.winner && test.share < 100;
  // "1 of 4 (25 %)": of the accepted.
  const share = (part: number, whole: number) =>
    whole > 0 ? `${format.number(part)} (${format.percent(part / whole)})` : format.number(part);
  const choose = async (variant: number) => {
    await chooseWinner(campaign.id, variant);
    notifyDone(t("ab.chosen", { letter: letterOf(variant) }));
  };
  return (
    <Panel title={t("ab.title")}>
      <QueryView query={query}>
        {({ variants, waiting }) => (
          <Stack gap="sm">
            <Rule test={test} waiting={waiting} />
            <Table.ScrollContainer minWidth={560}>
              <Table>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th />
                    {(["people", "accepted", "opened", "clicked", "cancelled"] as const).map((name) => (
                      <Table.Th key={name} ta="right">
                        {t(`ab.${name}`)}
                      </Table.Th>
                    ))}
                    {test.winner && test.share < 100 ? <Table.Th ta="right">{t("ab.at_decision")}</Table.Th> : null}
                    {mayChoose ? <Table.Th /> : null}
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {variants.map((row) => {
                    const letter = letterOf(row.variant);
                    const tested = row.tested;
                    return (
                      <Table.Tr
                        key={row.variant}
                        data-variant={letter}
                        fw={test.winner?.variant === row.variant ? 600 : 400}
                      >
                        <Table.Td>
                          {t("ab.variant", { letter })}
                          <Text size="xs" c="dimmed" lineClamp={1}>
                            {test.variants[row.variant - 1]?.subject ?? test.variants[row.variant - 1]?.sender_name}
                          </Text>
                        </Table.Td>
                        <Table.Td ta="right">{format.number(row.people)}</Table.Td>
                        <Table.Td ta="right">{format.number(row.now.accepted)}</Table.Td>
                        <Table.Td ta="right">{share(row.now.opened, row.now.accepted)}</Table.Td>
                        <Table.Td ta="right">{share(row.now.clicked, row.now.accepted)}</Table.Td>
                        <Table.Td ta="right">{format.number(row.cancelled)}</Table.Td>
                        {test.winner && test.share < 100 ? (
                          <Table.Td ta="right">
                            {tested
                              ? share(test.metric === "opens" ? tested.opened : tested.clicked, tested.accepted)
                              : "–"}
                          </Table.Td>
                        ) : null}
                        {mayChoose ? (
                          <Table.Td ta="right">
                            <Button size="compact-sm" variant="default" onClick={() => setAsking(row.variant)}>
                              {t("ab.choose", { letter })}
                            </Button>
                          </Table.Td>
                        ) : null}
                      </Table.Tr>
                    );
                  })}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
            <ConfirmDialog
              opened={asking !== null}
              onClose={() => setAsking(null)}
              title={t("ab.choose_title")}
              confirm={t("ab.choose", { letter: letterOf(asking ?? 1) })}
              onConfirm={() => (asking ? choose(asking) : Promise.resolve())}
            >
              <Text>{t("ab.choose_body", { count: waiting, letter: letterOf(asking ?? 1) })}</Text>
            </ConfirmDialog>
          </Stack>
        )}
      </QueryView>
    </Panel>
  );
}

function Rule({ test, waiting }: { test: Test; waiting: number }) {
  const t = useT();
  const format = useFormat();
  const { winner } = test;
  const rule =
    test.share === 100
      ? t("ab.rule_all")
      : test.decision === "manual"
        ? t("ab.rule_manual")
        : t("ab.rule_automatic", { metric: t(`ab.metric_${test.metric}`), hours: test.wait_minutes / 60 });
  return (
    <div>
      <Group gap="md">
        {winner ? (
          <Text fw={600} role="status">
            {t("ab.won", {
              letter: letterOf(winner.variant),
              at: format.dateTime(winner.decided_at),
              how: t(`ab.how_${winner.how}`),
            })}
          </Text>
        ) : null}
        {!winner && waiting > 0 ? (
          <Text fw={600} role="status">
            {t("ab.waiting", { count: waiting })}{" "}
            {test.decides_at ? t("ab.decides_at", { at: format.dateTime(test.decides_at) }) : null}
          </Text>
        ) : null}
      </Group>
      <Text size="sm" c="dimmed">
        {rule} {test.share < 100 ? t("ab.rule_ties") : null}
      </Text>
    </div>
  );
}
