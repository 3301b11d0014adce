import { Button, Group, Tabs, Text } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import type { Campaign } from "@/api/types";
import { useCan } from "@/auth/guard";
import { CampaignStateLabel } from "@/components/campaign/state";
import { Page, Panel } from "@/components/layout/page";
import { TextLink } from "@/components/ui/link-button";
import { notifyProblem } from "@/components/ui/notify";
import { ForbiddenView } from "@/components/ui/state-view";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { download } from "@/lib/download";
import { CampaignControls } from "./controls";
import { LeftOutTable } from "./left-out";
import { ProgressPanel } from "./progress";
import { Recipients } from "./recipients";
import { ReportView } from "./report";
import type { CampaignSearch, Tab } from "./search";

interface Props {
  campaign: Campaign;
  search: CampaignSearch;
  onSearch: (change: Partial<CampaignSearch>) => void;
}

/** A campaign that goes out or went out: progress, report, and the truth about each person. */
export function ResultScreen({ campaign, search, onSearch }: Props) {
  const t = useT();
  const format = useFormat();
  const seesReports = useCan("reports.read");
  const seesMails = useCan("mails.read");
  const mayExport = useCan("reports.export");
  const tab = search.tab ?? "report";
  const begun = campaign.state !== "scheduled";
  return (
    <Page
      title={campaign.name}
      trail={[{ label: t("nav.campaigns"), to: "/campaigns" }]}
      description={
        <Group gap="md" style={{ rowGap: 0 }}>
          <CampaignStateLabel state={campaign.state} />
          {campaign.started_at ? (
            <span className="num">{t("result.started", { at: format.dateTime(campaign.started_at) })}</span>
          ) : null}
          {campaign.finished_at ? (
            <span className="num">{t("result.finished", { at: format.dateTime(campaign.finished_at) })}</span>
          ) : null}
          {campaign.mail_id && seesMails ? (
            <TextLink to="/mails/$mailId" params={{ mailId: campaign.mail_id }} size="sm" underline="always">
              {t("wizard.open_mail")}
            </TextLink>
          ) : null}
        </Group>
      }
      actions={
        <>
          {begun && seesReports && mayExport ? (
            <Button
              variant="default"
              leftSection={<IconDownload size={16} />}
              onClick={() =>
                void download(`/v1/campaigns/${campaign.id}/report.csv`, `${campaign.name}.csv`).catch(notifyProblem)
              }
            >
              {t("result.csv")}
            </Button>
          ) : null}
          <CampaignControls campaign={campaign} />
        </>
      }
    >
      {campaign.state === "scheduled" && campaign.scheduled_at ? (
        <Panel>
          <Text fz="lg" fw={600}>
            {t("result.scheduled", { at: format.dateTime(campaign.scheduled_at) })}
          </Text>
          <Text size="sm" c="dimmed">
            {t("send.zone", { zone: format.zone(campaign.time_zone ?? format.timeZone) })}
          </Text>
        </Panel>
      ) : (
        <>
          <ProgressPanel
            campaign={campaign}
            onState={(state) => onSearch({ tab: "recipients", state, cursor: undefined })}
          />
          <Tabs
            value={tab}
            keepMounted={false}
            onChange={(next) =>
              onSearch({ tab: next as Tab, q: undefined, state: undefined, reason: undefined, cursor: undefined })
            }
          >
            <Tabs.List mb="md">
              <Tabs.Tab value="report">{t("result.report")}</Tabs.Tab>
              <Tabs.Tab value="recipients">{t("result.recipients")}</Tabs.Tab>
              <Tabs.Tab value="left_out">{t("result.left_out")}</Tabs.Tab>
            </Tabs.List>
            <Tabs.Panel value="report">
              {seesReports ? <ReportView campaign={campaign} onSearch={onSearch} /> : <ForbiddenView />}
            </Tabs.Panel>
            <Tabs.Panel value="recipients">
              <Recipients campaign={campaign} search={search} onSearch={onSearch} />
            </Tabs.Panel>
            <Tabs.Panel value="left_out">
              <LeftOutTable campaign={campaign} search={search} onSearch={onSearch} />
            </Tabs.Panel>
          </Tabs>
        </>
      )}
    </Page>
  );
}
