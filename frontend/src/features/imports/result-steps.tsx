import { Alert, Button, Group, SimpleGrid, Stack, Table, Text } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useState } from "react";
import { problemText } from "@/api/problem-text";
import type { Import } from "@/api/types";
import { FormError } from "@/components/form/form-error";
import { Panel } from "@/components/layout/page";
import { LinkButton } from "@/components/ui/link-button";
import { notifyProblem } from "@/components/ui/notify";
import { translateCodeOr, useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { download } from "@/lib/download";

/** After the dry run: exactly what would happen, and which rows are refused and why. */
export function CheckedStep(props: { item: Import; onBack: () => void; onRun: () => Promise<void> }) {
  const t = useT();
  const { item } = props;
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const counts = item.counts;
  const writes = (counts?.added ?? 0) + (counts?.updated ?? 0) + (counts?.subscribed ?? 0);
  const run = async () => {
    setBusy(true);
    setError(null);
    try {
      await props.onRun();
    } catch (cause) {
      setError(problemText(cause));
      setBusy(false);
    }
  };
  return (
    <>
      <Panel title={t("imports.checked_title")}>
        <CountsGrid item={item} />
      </Panel>
      <Rejected item={item} />
      <Stack gap="sm">
        <FormError message={error} />
        <Group justify="flex-end">
          <Button variant="default" onClick={props.onBack} disabled={busy}>
            {t("imports.back_to_mapping")}
          </Button>
          <Button onClick={() => void run()} loading={busy} disabled={writes === 0}>
            {t("imports.run", { added: counts?.added ?? 0, updated: counts?.updated ?? 0 })}
          </Button>
        </Group>
      </Stack>
    </>
  );
}

export function DoneStep({ item }: { item: Import }) {
  const t = useT();
  return (
    <>
      <Panel title={t(item.state === "done" ? "imports.done_title" : `import_state.${item.state}`)}>
        {item.state === "done" ? null : (
          <Alert mb="md" color="red" variant="outline">
            {t(item.state === "failed" ? "imports.failed_body" : "imports.cancelled_body")}
          </Alert>
        )}
        <CountsGrid item={item} />
        <Group mt="md">
          <LinkButton to="/contacts">{t("imports.to_contacts")}</LinkButton>
          <LinkButton to="/contacts/imports/new" variant="default">
            {t("imports.another")}
          </LinkButton>
        </Group>
      </Panel>
      <Rejected item={item} />
    </>
  );
}

/** What became of the lists: said only where there is something to say. */
function ListCounts({ counts }: { counts: NonNullable<Import["counts"]> }) {
  const t = useT();
  const format = useFormat();
  const told = (["subscribed", "kept_unsubscribed", "suppressed"] as const).filter((name) => counts[name] > 0);
  return told.length === 0 ? null : (
    <Stack gap={2} mt="sm">
      {told.map((name) => (
        <Text key={name} size="sm" c="dimmed">
          {t(`import_count.${name}`)}: {format.number(counts[name])}
        </Text>
      ))}
    </Stack>
  );
}

function CountsGrid({ item }: { item: Import }) {
  const t = useT();
  const format = useFormat();
  const { counts } = item;
  if (!counts) {
    return null;
  }
  return (
    <>
      <SimpleGrid cols={{ base: 2, sm: 5 }} spacing="md">
        {(["rows", "added", "updated", "skipped", "rejected"] as const).map((name) => (
          <div key={name}>
            <Text size="xs" c="dimmed">
              {t(`import_count.${name}`)}
            </Text>
            <Text
              fz={22}
              fw={600}
              className="num"
              data-figure={name}
              c={name === "rejected" && counts.rejected > 0 ? "var(--kb-bad)" : undefined}
            >
              {format.number(counts[name])}
            </Text>
          </div>
        ))}
      </SimpleGrid>
      <ListCounts counts={counts} />
    </>
  );
}

function Rejected({ item }: { item: Import }) {
  const t = useT();
  const format = useFormat();
  const rejected = item.counts?.rejected ?? 0;
  if (rejected === 0) {
    return null;
  }
  const save = () =>
    download(`/v1/imports/${item.id}/rejected`, `rejected-${item.filename.replace(/\.\w+$/, "")}.csv`).catch(
      notifyProblem,
    );
  return (
    <Panel
      title={t("imports.rejected_title", { count: rejected })}
      actions={
        <Button size="xs" variant="default" leftSection={<IconDownload size={14} />} onClick={() => void save()}>
          {t("imports.rejected_download")}
        </Button>
      }
    >
      <Text size="sm" c="dimmed" mb="sm">
        {t("imports.rejected_help")}
      </Text>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col" ta="right" w={70}>
              {t("imports.line")}
            </Table.Th>
            <Table.Th scope="col">{t("imports.reason")}</Table.Th>
            <Table.Th scope="col">{t("imports.value")}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {item.rejected_sample.map((row) => (
            <Table.Tr key={`${row.line}-${row.column ?? ""}-${row.code}`}>
              <Table.Td ta="right">{format.number(row.line)}</Table.Td>
              <Table.Td>
                {row.column ? `${row.column}: ` : ""}
                {translateCodeOr("reject", row.code, row.detail)}
              </Table.Td>
              <Table.Td className="kb-mono">{row.value ?? ""}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Panel>
  );
}
