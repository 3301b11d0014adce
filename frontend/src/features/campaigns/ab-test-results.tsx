import { Badge, Button, Group, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { api, inBackground } from "@/api/client";
import type { Campaign, VariantResult } from "@/api/types";
import { useCan } from "@/auth/guard";
import { Panel } from "@/components/layout/page";
import { type Column, DataTable } from "@/components/table/data-table";
import { ConfirmDialog } from "@/components/ui/confirm";
import { notifyDone } from "@/components/ui/notify";
import { QueryView } from "@/components/ui/state-view";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { type AbTest, letterOf } from "./ab-test";
import { chooseWinner, isRunning } from "./queries";

/** What became of each variant, the rule, and the choice of the winner. */
export default function AbTestResults({ campaign, test }: { campaign: Campaign; test: AbTest }) {
  const t = useT();
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
  const columns = useColumns(test, mayChoose ? setAsking : null);
  const choose = async (variant: number) => {
    await chooseWinner(campaign.id, variant);
    notifyDone(t("ab.chosen", { letter: letterOf(variant) }));
  };
  return (
    <Panel title={t("ab.title")}>
      <QueryView query={query}>
        {({ variants, waiting }) => (
          <Stack gap="sm">
            <Standing test={test} waiting={waiting} />
            <DataTable
              caption={t("ab.title")}
              columns={columns}
              rows={variants}
              rowId={(row) => letterOf(row.variant)}
              empty={null}
            />
            <Text size="xs" c="dimmed">
              {t("ab.rates_help")}
            </Text>
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

function useColumns(test: AbTest, onChoose: ((variant: number) => void) | null): Column<VariantResult>[] {
  const t = useT();
  const format = useFormat();
  // "1 (25%)": of the accepted.
  const share = (part: number, whole: number) =>
    whole > 0 ? `${format.number(part)} (${format.percent(part / whole)})` : format.number(part);
  const isOpens = test.metric === "opens";
  const decided: Column<VariantResult>[] =
    test.winner && test.share < 100
      ? [
          {
            id: "at_decision",
            header: t(isOpens ? "ab.at_decision_opens" : "ab.at_decision_clicks"),
            numeric: true,
            cell: ({ tested }) => (tested ? share(isOpens ? tested.opened : tested.clicked, tested.accepted) : "–"),
          },
        ]
      : [];
  const choice: Column<VariantResult>[] = onChoose
    ? [
        {
          id: "choose",
          header: t("common.menu"),
          actions: true,
          cell: (row) => (
            <Button size="compact-sm" variant="default" onClick={() => onChoose(row.variant)}>
              {t("ab.choose", { letter: letterOf(row.variant) })}
            </Button>
          ),
        },
      ]
    : [];
  return [
    { id: "variant", header: t("ab.variants"), cell: (row) => <VariantName test={test} position={row.variant} /> },
    { id: "people", header: t("ab.people"), numeric: true, cell: (row) => format.number(row.people) },
    { id: "accepted", header: t("ab.accepted"), numeric: true, cell: (row) => format.number(row.now.accepted) },
    { id: "opened", header: t("ab.opened"), numeric: true, cell: (row) => share(row.now.opened, row.now.accepted) },
    { id: "clicked", header: t("ab.clicked"), numeric: true, cell: (row) => share(row.now.clicked, row.now.accepted) },
    { id: "cancelled", header: t("ab.cancelled"), numeric: true, cell: (row) => format.number(row.cancelled) },
    ...decided,
    ...choice,
  ];
}

/** The letter, whether it won, and what it says otherwise than the others. */
function VariantName({ test, position }: { test: AbTest; position: number }) {
  const t = useT();
  const variant = test.variants[position - 1];
  const sender = [variant?.sender_name, variant?.sender_address && `<${variant.sender_address}>`].filter(Boolean);
  const said = [
    ...(variant?.subject ? [`${t("ab.subject")}: ${variant.subject}`] : []),
    ...(sender.length > 0 ? [`${t("send.sender")}: ${sender.join(" ")}`] : []),
  ];
  return (
    <div>
      <Group gap="xs">
        <Text size="sm" fw={600}>
          {t("ab.variant", { letter: letterOf(position) })}
        </Text>
        {test.winner?.variant === position ? (
          <Badge size="sm" variant="filled">
            {t("ab.winner")}
          </Badge>
        ) : null}
      </Group>
      {said.map((text) => (
        <Text key={text} size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
          {text}
        </Text>
      ))}
      {variant?.mail_id ? <MailName id={variant.mail_id} /> : null}
      {said.length === 0 && !variant?.mail_id ? (
        <Text size="xs" c="dimmed">
          {t("ab.unchanged")}
        </Text>
      ) : null}
    </div>
  );
}

/** Who may not see mails is told that it is another one. */
function MailName({ id }: { id: string }) {
  const t = useT();
  const mail = api.useQuery("get", "/v1/mails/{id}", { params: { path: { id } } });
  return (
    <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
      {mail.data ? `${t("ab.mail")}: ${mail.data.name || t("mails.untitled")}` : t("ab.other_mail")}
    </Text>
  );
}

/** Where the test stands, and by which rule it is decided. */
function Standing({ test, waiting }: { test: AbTest; waiting: number }) {
  const t = useT();
  const format = useFormat();
  const { winner, share } = test;
  const rule =
    share === 100
      ? t("ab.rule_all")
      : test.decision === "manual"
        ? t("ab.rule_manual", { share })
        : t("ab.rule_automatic", { share, metric: t(`ab.metric_${test.metric}`), hours: test.wait_minutes / 60 });
  return (
    <div>
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
      <Text size="sm" c="dimmed">
        {rule} {share < 100 && test.decision === "automatic" ? t("ab.rule_ties") : null}
      </Text>
    </div>
  );
}
