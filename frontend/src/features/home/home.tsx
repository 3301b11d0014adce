import { Group, Progress, SimpleGrid, Stack, Text } from "@mantine/core";
import {
  IconAlertTriangle,
  IconArrowRight,
  IconFileImport,
  IconMailPlus,
  IconSend,
  IconWorld,
} from "@tabler/icons-react";
import type { ReactNode } from "react";
import { api, inBackground } from "@/api/client";
import type { Campaign, Summary } from "@/api/types";
import { useCan, useMe } from "@/auth/guard";
import { rateOf, settled } from "@/components/campaign/numbers";
import { CampaignStateLabel } from "@/components/campaign/state";
import { Page, Panel } from "@/components/layout/page";
import { LinkButton, TextLink } from "@/components/ui/link-button";
import { QueryView } from "@/components/ui/state-view";
import { translateCodeOr, useT } from "@/i18n";
import { useFormat } from "@/i18n/format";

/** What is going out, what went wrong, and what to do next. */
export function HomeScreen() {
  const t = useT();
  const me = useMe();
  const query = api.useQuery(
    "get",
    "/v1/summary",
    { ...inBackground },
    { refetchInterval: ({ state }) => (state.data?.going_out.length ? 5_000 : 30_000), staleTime: 0 },
  );
  const canCampaigns = useCan("campaigns.write");
  const create = canCampaigns ? (
    <LinkButton to="/campaigns/new" leftSection={<IconSend size={16} />}>
      {t("campaigns.create")}
    </LinkButton>
  ) : null;
  // Before the first campaign the next steps lead there, in their order.
  const begun = query.data && query.data.recent.length + query.data.going_out.length > 0;
  return (
    <Page title={t("home.greeting", { name: me.display_name })} actions={begun ? create : null}>
      <QueryView query={query}>{(summary) => <Dashboard summary={summary} />}</QueryView>
    </Page>
  );
}

function Dashboard({ summary }: { summary: Summary }) {
  const t = useT();
  const format = useFormat();
  const fresh = summary.contacts?.total === 0 || summary.recent.length + summary.going_out.length === 0;
  return (
    <>
      {summary.problems.length > 0 ? <Problems summary={summary} /> : null}
      {fresh ? <NextSteps summary={summary} /> : null}
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md" verticalSpacing={0}>
        <Panel title={t("home.going_out")}>
          {summary.going_out.length === 0 ? (
            <Nothing>{t("home.nothing_going_out")}</Nothing>
          ) : (
            <Stack gap="md">
              {summary.going_out.map((campaign) => (
                <GoingOut key={campaign.id} campaign={campaign} />
              ))}
            </Stack>
          )}
        </Panel>
        <Panel title={t("home.scheduled")}>
          {summary.scheduled.length === 0 ? (
            <Nothing>{t("home.nothing_scheduled")}</Nothing>
          ) : (
            <Stack gap="sm">
              {summary.scheduled.map((campaign) => (
                <Group key={campaign.id} justify="space-between" wrap="nowrap">
                  <CampaignLink campaign={campaign} />
                  <Text size="sm" className="num">
                    {campaign.scheduled_at ? format.dateTime(campaign.scheduled_at) : ""}
                  </Text>
                </Group>
              ))}
            </Stack>
          )}
        </Panel>
      </SimpleGrid>
      <Panel title={t("home.recent")}>
        {summary.recent.length === 0 ? (
          <Nothing>{t("home.nothing_recent")}</Nothing>
        ) : (
          <Stack gap="sm">
            {summary.recent.map((campaign) => (
              <Recent key={campaign.id} campaign={campaign} />
            ))}
          </Stack>
        )}
      </Panel>
      {summary.contacts ? (
        <Panel title={t("home.contacts")}>
          <Group gap="xl">
            <Figure label={t("home.contacts_active")} value={summary.contacts.active} />
            <Figure label={t("home.contacts_total")} value={summary.contacts.total} />
          </Group>
        </Panel>
      ) : null}
    </>
  );
}

function Nothing(props: { children: ReactNode }) {
  return (
    <Text size="sm" c="dimmed">
      {props.children}
    </Text>
  );
}

function Figure(props: { label: string; value: number }) {
  const format = useFormat();
  return (
    <div>
      <Text size="xs" c="dimmed">
        {props.label}
      </Text>
      <Text fz={22} fw={600} className="num">
        {format.number(props.value)}
      </Text>
    </div>
  );
}

function CampaignLink({ campaign }: { campaign: Campaign }) {
  return (
    <TextLink to="/campaigns/$campaignId" params={{ campaignId: campaign.id }} size="sm" fw={500}>
      {campaign.name}
    </TextLink>
  );
}

function GoingOut({ campaign }: { campaign: Campaign }) {
  const t = useT();
  const { counts } = campaign;
  const done = settled(counts);
  return (
    <div>
      <Group justify="space-between" mb={4}>
        <CampaignLink campaign={campaign} />
        <CampaignStateLabel state={campaign.state} />
      </Group>
      <Progress
        value={counts.audience > 0 ? (done / counts.audience) * 100 : 0}
        aria-label={`${campaign.name}: ${t("progress.title")}`}
      />
      <Text size="xs" c="dimmed" className="num" mt={4}>
        {t("progress.done", { done, audience: counts.audience })}
      </Text>
    </div>
  );
}

function Recent({ campaign }: { campaign: Campaign }) {
  const t = useT();
  const format = useFormat();
  const { counts } = campaign;
  const share = (part: number) => {
    const rate = rateOf(part, counts);
    return rate === null ? "–" : format.percent(rate);
  };
  return (
    <Group justify="space-between" gap="sm">
      <div style={{ flex: "1 1 200px" }}>
        <CampaignLink campaign={campaign} />
        <Text size="xs" c="dimmed" className="num">
          {campaign.started_at ? format.dateTime(campaign.started_at) : ""}
        </Text>
      </div>
      <Group gap="lg" className="num">
        <Small label={t("count.accepted")} value={format.number(counts.accepted)} />
        <Small label={t("count.opened")} value={share(counts.opened)} />
        <Small label={t("count.clicked")} value={share(counts.clicked)} />
        <Small label={t("count.failed")} value={format.number(counts.failed)} />
      </Group>
    </Group>
  );
}

function Small(props: { label: string; value: string }) {
  return (
    <div style={{ textAlign: "right", minWidth: 56 }}>
      <Text size="xs" c="dimmed">
        {props.label}
      </Text>
      <Text size="sm" fw={600}>
        {props.value}
      </Text>
    </div>
  );
}

function Problems({ summary }: { summary: Summary }) {
  const t = useT();
  return (
    <Panel title={t("home.problems")}>
      <Stack gap="xs">
        {summary.problems.map((problem) => (
          <Group
            key={`${problem.kind}-${problem.subject_id}-${problem.detail}`}
            gap="xs"
            wrap="nowrap"
            align="flex-start"
          >
            <IconAlertTriangle size={18} color="var(--kb-warn)" aria-hidden style={{ flexShrink: 0, marginTop: 2 }} />
            <div>
              <Text size="sm">{translateCodeOr("home_problem", problem.kind, problem.detail)}</Text>
              <ProblemDetail problem={problem} />
            </div>
          </Group>
        ))}
      </Stack>
    </Panel>
  );
}

/** Where it is mended. */
const settingsOf: Record<string, "/settings/organisation" | "/settings/domains" | "/settings/routes"> = {
  legal_missing: "/settings/organisation",
  domain_missing: "/settings/domains",
  domain_unchecked: "/settings/domains",
  route_missing: "/settings/routes",
};

function ProblemDetail({ problem }: { problem: Summary["problems"][number] }) {
  const t = useT();
  if (problem.kind.startsWith("campaign") && problem.subject_id) {
    return (
      <TextLink to="/campaigns/$campaignId" params={{ campaignId: problem.subject_id }} size="sm">
        {problem.detail || t("common.details")}
      </TextLink>
    );
  }
  if (problem.kind.startsWith("import") && problem.subject_id) {
    return (
      <TextLink to="/contacts/imports/$importId" params={{ importId: problem.subject_id }} size="sm">
        {problem.detail || t("common.details")}
      </TextLink>
    );
  }
  if (problem.kind === "api_token_ending") {
    return (
      <TextLink to="/settings/tokens" size="sm">
        {problem.detail}
      </TextLink>
    );
  }
  const settings = settingsOf[problem.kind];
  if (settings) {
    return (
      <TextLink to={settings} size="sm">
        {problem.detail || t("common.details")}
      </TextLink>
    );
  }
  return problem.detail ? (
    <Text size="xs" c="dimmed">
      {problem.detail}
    </Text>
  ) : null;
}

/** For a tenant that has just begun: the way to the first campaign. */
function NextSteps({ summary }: { summary: Summary }) {
  const t = useT();
  const canContacts = useCan("contacts.write");
  const canMails = useCan("mails.write");
  const canCampaigns = useCan("campaigns.write");
  const canSettings = useCan("settings.write");
  if (!canContacts && !canMails && !canCampaigns && !canSettings) {
    return null;
  }
  return (
    <Panel title={t("home.next")}>
      <Group gap="xs">
        {canSettings ? (
          <LinkButton to="/settings/domains" variant="default" leftSection={<IconWorld size={16} />}>
            {t("home.next_domain")}
          </LinkButton>
        ) : null}
        {canContacts ? (
          <LinkButton
            to="/contacts/imports/new"
            variant={summary.contacts?.total === 0 ? "filled" : "default"}
            leftSection={<IconFileImport size={16} />}
          >
            {t("home.next_import")}
          </LinkButton>
        ) : null}
        {canMails ? (
          <LinkButton
            to="/mails"
            search={{ create: true }}
            variant={summary.contacts?.total ? "filled" : "default"}
            leftSection={<IconMailPlus size={16} />}
          >
            {t("home.next_mail")}
          </LinkButton>
        ) : null}
        {canCampaigns ? (
          <LinkButton
            to="/campaigns/new"
            variant="default"
            leftSection={<IconSend size={16} />}
            rightSection={<IconArrowRight size={14} />}
          >
            {t("home.next_campaign")}
          </LinkButton>
        ) : null}
      </Group>
    </Panel>
  );
}
