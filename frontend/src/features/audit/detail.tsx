import { Code, Table, Text } from "@mantine/core";
import { api } from "@/api/client";
import type { AuditEntryDetail } from "@/api/types";
import { useCan } from "@/auth/guard";
import { useLists } from "@/components/pickers/lists";
import { DefinitionList } from "@/components/ui/definition";
import { TextLink } from "@/components/ui/link-button";
import { QueryView } from "@/components/ui/state-view";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { type Difference, differences } from "./diff";
import { SupportDetail, supportValues } from "./support-detail";
import { actionText, actorText, kindText } from "./text";
import { fieldText, valueText } from "./values";

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
        <Changes kind={entry.subject_kind} before={entry.before} after={support ? support.rest : entry.after} />
      )}
      <Raw before={entry.before} after={entry.after} />
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

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Ids of lists that the changes speak of. */
const listsIn = (changes: readonly Difference[]) =>
  changes
    .filter(({ path }) => /(^|\.)(exclude_)?list_ids?$/.test(path))
    .flatMap(({ before, after }) => [before, after].flat())
    .filter((id): id is string => typeof id === "string" && uuid.test(id));

/** Says nothing to a person, and stands in what was stored. */
const bookkeeping = /(^|\.)(id|tenant_id|version)$/;

/** What is different, in words; what was stored stands behind it. */
function Changes(entry: { kind: string; before: unknown; after: unknown }) {
  const changes = differences(entry.before, entry.after).filter(({ path }) => !bookkeeping.test(path));
  const canSee = useCan("contacts.read");
  const ids = listsIn(changes);
  return canSee && ids.length > 0 ? (
    <NamedChanges kind={entry.kind} changes={changes} ids={ids} />
  ) : (
    <ChangeTable kind={entry.kind} changes={changes} lists={new Map()} />
  );
}

function NamedChanges({ ids, ...rest }: { kind: string; changes: readonly Difference[]; ids: readonly string[] }) {
  return <ChangeTable {...rest} lists={useLists({ needed: ids }).known} />;
}

/** This is evidence: the data as they were stored, for whoever wants to compare. */
function Raw({ before, after }: { before: unknown; after: unknown }) {
  const t = useT();
  const parts = [
    [t("audit.before"), before],
    [t("audit.after"), after],
  ] as const;
  const stored = parts.filter(([, value]) => value !== null && value !== undefined);
  if (stored.length === 0) {
    return null;
  }
  return (
    <details style={{ marginTop: 16 }}>
      <Text component="summary" size="xs" c="dimmed" style={{ cursor: "pointer" }}>
        {t("audit.raw")}
      </Text>
      {stored.map(([title, value]) => (
        <div key={title}>
          <Text size="xs" c="dimmed" mt="xs">
            {title}
          </Text>
          <Code block style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere", maxHeight: 360, overflow: "auto" }}>
            {JSON.stringify(value, null, 2)}
          </Code>
        </div>
      ))}
    </details>
  );
}

function ChangeTable(props: { kind: string; changes: readonly Difference[]; lists: ReadonlyMap<string, string> }) {
  const t = useT();
  const format = useFormat();
  const { kind, changes, lists } = props;
  if (changes.length === 0) {
    return (
      <Text size="sm" c="dimmed" mt="md">
        {t("audit.no_changes")}
      </Text>
    );
  }
  const cell = (path: string, value: unknown, mark: "del" | "ins") =>
    value === undefined ? (
      "–"
    ) : (
      <Text size="sm" component={mark} style={{ overflowWrap: "anywhere", whiteSpace: "pre-wrap" }} td="none">
        {valueText(path, value, { kind, format, lists })}
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
            <Table.Th scope="row" fw={400} style={{ overflowWrap: "anywhere" }}>
              {fieldText(change.path)}
            </Table.Th>
            <Table.Td>{cell(change.path, change.before, "del")}</Table.Td>
            <Table.Td>{cell(change.path, change.after, "ins")}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
