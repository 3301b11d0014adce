import { Alert, Group, Tabs, Text } from "@mantine/core";
import { api, inBackground } from "@/api/client";
import type { Sequence } from "@/api/types";
import { useCan } from "@/auth/guard";
import { heldText, isForComplaints } from "@/components/delivery/held";
import { Page } from "@/components/layout/page";
import { QueryView } from "@/components/ui/state-view";
import { Status } from "@/components/ui/status";
import { useT } from "@/i18n";
import { SequenceControls } from "./controls";
import { SequenceEditor } from "./editor";
import { People } from "./people";
import { Results } from "./results";
import { type SequenceSearch, tabs } from "./search";
import { stateTones, useEntryText } from "./text";

interface Props {
  sequenceId: string;
  search: SequenceSearch;
  onSearch: (change: Partial<SequenceSearch>) => void;
}

/** A sequence: its steps, the people inside, and how it went. */
export function SequenceScreen({ sequenceId, search, onSearch }: Props) {
  const query = api.useQuery("get", "/v1/sequences/{id}", {
    params: { path: { id: sequenceId } },
    ...inBackground,
  });
  return (
    <QueryView query={query}>
      {(sequence: Sequence) => <Shown sequence={sequence} search={search} onSearch={onSearch} />}
    </QueryView>
  );
}

/** Why the service itself paused it; any other reason is that of a step that waits. */
const holds = ["restored", "no_route", "not_composable"] as const;

function isHeld(reason: string): reason is (typeof holds)[number] {
  return (holds as readonly string[]).includes(reason);
}

function Shown({ sequence, search, onSearch }: { sequence: Sequence } & Omit<Props, "sequenceId">) {
  const t = useT();
  const entryText = useEntryText([sequence.entry]);
  const canReport = useCan("reports.read");
  const shown = tabs.filter((tab) => tab !== "results" || canReport);
  const reason = sequence.state_reason;
  return (
    <Page
      title={sequence.name}
      trail={[{ label: t("nav.sequences"), to: "/sequences" }]}
      description={
        <Group gap="sm">
          <Status tone={stateTones[sequence.state]} label={t(`sequences.state_${sequence.state}`)} />
          <Text size="sm" c="dimmed">
            {entryText(sequence.entry)}
          </Text>
        </Group>
      }
      actions={<SequenceControls sequence={sequence} />}
    >
      {reason ? (
        <Alert color="yellow" variant="outline" mb="md">
          {sequence.state === "paused" && isForComplaints(reason)
            ? heldText(reason)
            : isHeld(reason)
              ? t(`sequences.${reason}`)
              : t("sequences.held_up", { reason })}
        </Alert>
      ) : null}
      <Tabs
        value={search.tab ?? "steps"}
        onChange={(tab) => onSearch({ tab: (tab ?? undefined) as SequenceSearch["tab"], cursor: undefined })}
        keepMounted={false}
      >
        <Tabs.List mb="md">
          {shown.map((tab) => (
            <Tabs.Tab key={tab} value={tab}>
              {t(`sequences.tab_${tab}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="steps">
          <SequenceEditor key={sequence.version} sequence={sequence} />
        </Tabs.Panel>
        <Tabs.Panel value="people">
          <People sequence={sequence} search={search} onSearch={onSearch} />
        </Tabs.Panel>
        <Tabs.Panel value="results">
          <Results sequence={sequence} />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
