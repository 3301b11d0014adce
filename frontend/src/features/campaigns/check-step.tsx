import { Button, Group, List, Stack, Table, Text, ThemeIcon, Title } from "@mantine/core";
import { IconAlertTriangle, IconCheck, IconX } from "@tabler/icons-react";
import { api } from "@/api/client";
import type { Campaign, Preflight } from "@/api/types";
import { QueryView } from "@/components/ui/state-view";
import { translateCode, translateCodeOr, useT } from "@/i18n";
import { useFormat } from "@/i18n/format";

export function usePreflight(campaignId: string) {
  // Always asked anew: the number must be the one of now.
  return api.useQuery(
    "get",
    "/v1/campaigns/{id}/preflight",
    { params: { path: { id: campaignId } } },
    { staleTime: 0, refetchOnMount: "always" },
  );
}

/** Before sending: how many people get it, who is left out and why, and what stands in the way. */
export function CheckStep(props: { campaign: Campaign; onBack: () => void; onDone: () => void }) {
  const t = useT();
  const query = usePreflight(props.campaign.id);
  return (
    <Stack gap="md">
      <QueryView query={query}>
        {(preflight) => (
          <>
            <People preflight={preflight} />
            <Checks preflight={preflight} />
          </>
        )}
      </QueryView>
      <Group justify="space-between">
        <Button variant="default" onClick={props.onBack}>
          {t("common.back")}
        </Button>
        <Group gap="xs">
          <Button variant="default" loading={query.isFetching} onClick={() => void query.refetch()}>
            {t("wizard.check_again")}
          </Button>
          <Button onClick={props.onDone} disabled={!query.data?.can_send}>
            {t("wizard.to_send")}
          </Button>
        </Group>
      </Group>
    </Stack>
  );
}

function People({ preflight }: { preflight: Preflight }) {
  const t = useT();
  const format = useFormat();
  const { people } = preflight;
  const left = people.selected - people.will_receive;
  return (
    <div>
      <Title order={2}>{t("wizard.people_title")}</Title>
      <Text fz={30} fw={600} className="num" data-testid="will-receive">
        {t("wizard.people", { count: people.will_receive })}
      </Text>
      <Text size="sm" c="dimmed">
        {left > 0 ? t("wizard.people_of", { selected: people.selected, left }) : t("wizard.people_all")}
      </Text>
      {people.left_out.length > 0 ? (
        <Table mt="sm" maw={420}>
          <Table.Tbody>
            {people.left_out.map((item) => (
              <Table.Tr key={item.reason}>
                <Table.Td>{translateCode("reason", item.reason)}</Table.Td>
                <Table.Td ta="right">{format.number(item.count)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      ) : null}
    </div>
  );
}

const icons = { block: IconX, warn: IconAlertTriangle, ok: IconCheck } as const;
const colours = { block: "var(--kb-bad)", warn: "var(--kb-warn)", ok: "var(--kb-good)" } as const;

function Checks({ preflight }: { preflight: Preflight }) {
  const t = useT();
  const order = ["block", "warn", "ok"];
  const checks = preflight.checks.toSorted((a, b) => order.indexOf(a.level) - order.indexOf(b.level));
  return (
    <div>
      <Title order={2} mb="xs">
        {t("wizard.checks_title")}
      </Title>
      <List spacing={6} listStyleType="none" center={false}>
        {checks.map((check) => {
          const CheckIcon = icons[check.level];
          return (
            <List.Item
              key={`${check.code}-${check.detail}`}
              icon={
                <ThemeIcon size={20} radius="xl" variant="transparent" c={colours[check.level]}>
                  <CheckIcon size={16} aria-label={t(`check_level.${check.level}`)} />
                </ThemeIcon>
              }
            >
              <Text size="sm" fw={check.level === "block" ? 600 : 400}>
                {translateCodeOr("check", check.code, check.detail)}
                {check.count ? t("common.in_brackets", { text: t("wizard.people", { count: check.count }) }) : ""}
              </Text>
              {check.level !== "ok" && check.detail ? (
                <Text size="xs" c="dimmed">
                  {check.detail}
                </Text>
              ) : null}
            </List.Item>
          );
        })}
      </List>
    </div>
  );
}
