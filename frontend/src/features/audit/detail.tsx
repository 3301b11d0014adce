import { Table, Text } from "@mantine/core";
import { api } from "@/api/client";
import type { AuditEntryDetail } from "@/api/types";
import { DefinitionList } from "@/components/ui/definition";
import { TextLink } from "@/components/ui/link-button";
import { QueryView } from "@/components/ui/state-view";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { differences } from "./diff";
import { SupportDetail, supportValues } from "./support-detail";
import { actionText, actorText, kindText } from "./text";

export function EntryDetail({ id }: { id: string }) {
  const query = api.useQuery("get", "/v1/audit-entries/{id}", { params: { path: { id } } });
  return <QueryView query={query}>{(entry) => <Entry entry={entry} />}</QueryView>;
}

function Entry({ entry }: { entry: AuditEntryDetail }) {
  const t = useT();
  const format = useFormat();
  const support = supportValues(entry.action, entry.after);
  return (
    <>
      <Text fw={600} mb="sm">
        {actionText(entry.action)}
      </Text>
      <DefinitionList
        items={[
          [t("audit.at"), format.dateTime(entry.at)],
          [t("audit.person"), actorText(entry)],
          [t("audit.subject"), <Subject key="subject" entry={entry} />],
          [t("audit.ip"), entry.ip ?? "–"],
          [t("audit.number"), entry.number == null ? "–" : format.number(entry.number)],
          [t("audit.request_id"), entry.request_id ?? "–"],
        ]}
      />
      {support ? <SupportDetail known={support.known} /> : null}
      {support && Object.keys(support.rest).length === 0 ? null : (
        <Changes before={entry.before} after={support ? support.rest : entry.after} />
      )}
      {entry.hash ? (
        <Text size="xs" c="dimmed" mt="md" className="kb-mono" style={{ overflowWrap: "anywhere" }}>
          {t("audit.hash")}: {entry.hash}
        </Text>
      ) : null}
    </>
  );
}

function Subject({ entry }: { entry: AuditEntryDetail }) {
  const text = [kindText(entry.subject_kind), entry.subject_name].filter(Boolean).join(": ");
  const isGone = entry.action.endsWith(".deleted");
  return entry.subject_kind === "contact" && entry.subject_id && !isGone ? (
    <TextLink to="/contacts/$contactId" params={{ contactId: entry.subject_id }} size="sm" underline="always">
      {text}
    </TextLink>
  ) : (
    text
  );
}

/** Values are shown as they were stored: this is evidence. */
function Changes(entry: { before: unknown; after: unknown }) {
  const t = useT();
  const changes = differences(entry.before, entry.after);
  if (changes.length === 0) {
    return (
      <Text size="sm" c="dimmed" mt="md">
        {t("audit.no_changes")}
      </Text>
    );
  }
  const cell = (value: string | undefined, mark: "del" | "ins") =>
    value === undefined ? (
      "–"
    ) : (
      <Text size="sm" component={mark} style={{ overflowWrap: "anywhere", whiteSpace: "pre-wrap" }} td="none">
        {value}
      </Text>
    );
  return (
    <Table mt="md" verticalSpacing={4} layout="fixed">
      <Table.Caption>{t("audit.changes")}</Table.Caption>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t("audit.field")}</Table.Th>
          <Table.Th>{t("audit.before")}</Table.Th>
          <Table.Th>{t("audit.after")}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {changes.map((change) => (
          <Table.Tr key={change.path}>
            <Table.Th scope="row" className="kb-mono" fw={400} style={{ overflowWrap: "anywhere" }}>
              {change.path}
            </Table.Th>
            <Table.Td>{cell(change.before, "del")}</Table.Td>
            <Table.Td>{cell(change.after, "ins")}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
