import { Button, Group, Stack, Table, Text, Title } from "@mantine/core";
import { api } from "@/api/client";
import type { Campaign, Preflight } from "@/api/types";
import { QueryView } from "@/components/ui/state-view";
import { translateCode, useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { Checks } from "./checks";

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
            <Checks campaign={props.campaign} preflight={preflight} />
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
        {left > 0 ? t("wizard.people_of", { selected: people.selected, left }) : null}
        {left === 0 && people.selected > 0 ? t("wizard.people_all") : null}
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
