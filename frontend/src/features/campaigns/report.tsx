import { Anchor, Loader, SimpleGrid, Table, Text } from "@mantine/core";
import { lazy, type ReactNode, Suspense, useEffect, useRef } from "react";
import { api, inBackground } from "@/api/client";
import type { Campaign, Report } from "@/api/types";
import { useCan } from "@/auth/guard";
import { rateOf } from "@/components/campaign/numbers";
import { siteName } from "@/components/delivery/sites";
import { Panel } from "@/components/layout/page";
import { QueryView } from "@/components/ui/state-view";
import { translateCode, useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { isRunning } from "./queries";
import type { CampaignSearch } from "./search";

const AbTestResults = lazy(() => import("./ab-test-results"));
const Resend = lazy(() => import("./resend"));
const TimelineChart = lazy(() => import("./report-chart"));

interface Props {
  campaign: Campaign;
  onSearch: (change: Partial<CampaignSearch>) => void;
}

/** People react most in the first hours; later a look each minute is enough. */
const isFresh = ({ started_at }: Campaign) => started_at != null && Date.now() - Date.parse(started_at) < 6 * 3_600_000;

export function ReportView({ campaign, onSearch }: Props) {
  const t = useT();
  const maySend = useCan("campaigns.send");
  const query = api.useQuery(
    "get",
    "/v1/campaigns/{id}/report",
    { params: { path: { id: campaign.id } }, ...inBackground },
    { refetchInterval: isRunning(campaign) ? 5_000 : isFresh(campaign) ? 10_000 : 60_000, staleTime: 0 },
  );
  // What the campaign itself says is known sooner; the report has to agree with it.
  const { state, counts } = campaign;
  const told = [state, counts.opened, counts.clicked, counts.cancelled, counts.failed, counts.complained].join(" ");
  const { refetch } = query;
  const shown = useRef(told);
  useEffect(() => {
    if (shown.current !== told) {
      shown.current = told;
      void refetch();
    }
  }, [told, refetch]);
  return (
    <QueryView query={query}>
      {(report) => (
        <>
          <Reactions report={report} />
          {campaign.ab_test ? (
            <Suspense>
              <AbTestResults campaign={campaign} test={campaign.ab_test} />
            </Suspense>
          ) : null}
          <CameBack report={report} />
          <Panel title={t("report.timeline")}>
            {!isRunning(campaign) && !report.timeline.some(hasReaction) ? (
              <Nothing>{t("report.no_timeline")}</Nothing>
            ) : (
              <Suspense fallback={<Loader size="sm" aria-label={t("state.loading")} />}>
                <TimelineChart timeline={report.timeline} sending={isRunning(campaign)} />
              </Suspense>
            )}
          </Panel>
          <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md" verticalSpacing={0}>
            <Links report={report} />
            <Sites report={report} />
          </SimpleGrid>
          <Reasons report={report} onSearch={onSearch} />
          {maySend && (state === "finished" || state === "stopped") && counts.unknown + counts.failed > 0 ? (
            <Suspense>
              <Resend campaign={campaign} />
            </Suspense>
          ) : null}
        </>
      )}
    </QueryView>
  );
}

/** Whether there is more to draw than a line at nought. */
const hasReaction = (point: Report["timeline"][number]) => point.opened + point.clicked + point.cancelled > 0;

function Nothing(props: { children: ReactNode }) {
  return (
    <Text size="sm" c="dimmed">
      {props.children}
    </Text>
  );
}

/** What people did, as shares of the mails that a server accepted. */
function Reactions({ report }: { report: Report }) {
  const t = useT();
  const format = useFormat();
  const { counts } = report;
  return (
    <SimpleGrid cols={{ base: 2, sm: 4 }} spacing="md" mb="md">
      {(["accepted", "opened", "clicked", "cancelled"] as const).map((name) => {
        const rate = name === "accepted" ? null : rateOf(counts[name], counts);
        const ofAll = name === "accepted" && counts.audience > 0 ? counts.accepted / counts.audience : null;
        return (
          <div key={name} className="kb-panel" style={{ padding: "10px 14px" }} data-reaction={name}>
            <Text size="xs" c="dimmed">
              {t(`count.${name}`)}
            </Text>
            <Text fz={24} fw={600} className="num">
              {format.number(counts[name])}
            </Text>
            <Text size="xs" c="dimmed" className="num">
              {rate !== null
                ? t("report.of_accepted", { rate: format.percent(rate) })
                : ofAll !== null
                  ? t("report.of_audience", { rate: format.percent(ofAll) })
                  : "–"}
            </Text>
          </div>
        );
      })}
    </SimpleGrid>
  );
}

/** Mails that came back, and complaints: nothing where there are none. */
function CameBack({ report }: { report: Report }) {
  const t = useT();
  const format = useFormat();
  const names = (["bounced_hard", "bounced_soft", "complained"] as const).filter((name) => report.counts[name] > 0);
  if (names.length === 0) {
    return null;
  }
  return (
    <Text size="sm" mb="md" className="num">
      {names.map((name) => `${t(`count.${name}`)} ${format.number(report.counts[name])}`).join(" · ")}
    </Text>
  );
}

function Links({ report }: { report: Report }) {
  const t = useT();
  const format = useFormat();
  const machines = report.events.machine_opens + report.events.machine_clicks;
  return (
    <Panel title={t("report.links")}>
      {machines > 0 ? (
        <Text size="xs" c="dimmed" mb="xs">
          {t("report.machines", { count: machines })}
        </Text>
      ) : null}
      {report.links.length === 0 ? (
        <Nothing>{t("report.no_links")}</Nothing>
      ) : (
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col">URL</Table.Th>
              <Table.Th scope="col" ta="right">
                {t("report.people")}
              </Table.Th>
              <Table.Th scope="col" ta="right">
                {t("report.clicks")}
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {report.links.map((link) => (
              <Table.Tr key={link.number}>
                <Table.Td style={{ wordBreak: "break-all" }}>
                  <LinkTarget url={link.url} />
                </Table.Td>
                <Table.Td ta="right">{format.number(link.people)}</Table.Td>
                <Table.Td ta="right">{format.number(link.clicks)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </Panel>
  );
}

/** Only web addresses become links: the mail's author could have written anything. */
function LinkTarget({ url }: { url: string }) {
  return /^https?:\/\//i.test(url) ? (
    <Anchor href={url} target="_blank" rel="noreferrer noopener" size="sm">
      {url}
    </Anchor>
  ) : (
    <Text size="sm">{url}</Text>
  );
}

function Sites({ report }: { report: Report }) {
  const t = useT();
  const format = useFormat();
  const waiting = report.sites.some((site) => site.held_back > 0);
  return (
    <Panel title={t("report.sites")}>
      {report.sites.length === 0 ? (
        <Nothing>{t("report.no_sites")}</Nothing>
      ) : (
        <Table horizontalSpacing={6}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col">{t("report.site")}</Table.Th>
              <Table.Th scope="col" ta="right">
                {t("count.accepted")}
              </Table.Th>
              <Table.Th scope="col" ta="right">
                {t("count.deferred")}
              </Table.Th>
              <Table.Th scope="col" ta="right">
                {t("count.failed")}
              </Table.Th>
              {waiting ? (
                <Table.Th scope="col" ta="right">
                  {t("report.held_back")}
                </Table.Th>
              ) : null}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {report.sites.map((site) => (
              <Table.Tr key={site.site ?? ""}>
                <Table.Td style={{ overflowWrap: "anywhere" }}>
                  {site.site == null ? t("report.other_sites") : siteName(site.site)}
                </Table.Td>
                <Table.Td ta="right">{format.number(site.accepted)}</Table.Td>
                <Table.Td ta="right">{format.number(site.deferred)}</Table.Td>
                <Table.Td ta="right">{format.number(site.failed)}</Table.Td>
                {waiting ? <Table.Td ta="right">{format.number(site.held_back)}</Table.Td> : null}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </Panel>
  );
}

/** "Why 9,412 of 10,000?": everyone who didn't get it, by reason. */
function Reasons({ report, onSearch }: { report: Report; onSearch: Props["onSearch"] }) {
  const t = useT();
  const format = useFormat();
  const missing = report.reasons.reduce((sum, item) => sum + item.count, 0);
  const { queued, claimed } = report.counts;
  const nobody =
    queued + claimed > 0 ? t("report.no_reasons_yet", { count: queued + claimed }) : t("report.no_reasons");
  return (
    <Panel title={t("report.reasons")}>
      <Text size="sm" c="dimmed" mb="xs">
        {missing === 0 ? nobody : t("report.reasons_help", { accepted: report.counts.accepted, missing })}
      </Text>
      {missing > 0 ? (
        <Table maw={520}>
          <Table.Tbody>
            {report.reasons.map((item) => (
              <Table.Tr key={`${item.state}-${item.reason}`}>
                <Table.Td>
                  <Anchor
                    component="button"
                    type="button"
                    size="sm"
                    onClick={() =>
                      onSearch(
                        item.state === "skipped"
                          ? { tab: "left_out", reason: item.reason, cursor: undefined }
                          : { tab: "recipients", state: item.state, reason: item.reason, cursor: undefined },
                      )
                    }
                  >
                    {translateCode("reason", item.reason)}
                  </Anchor>
                </Table.Td>
                <Table.Td ta="right">{format.number(item.count)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      ) : null}
    </Panel>
  );
}
