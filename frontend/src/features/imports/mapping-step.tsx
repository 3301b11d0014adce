import { Button, Group, Radio, Select, SimpleGrid, Stack, Switch, Table, Text } from "@mantine/core";
import { useState } from "react";
import { api } from "@/api/client";
import { problemText } from "@/api/problem-text";
import type { Import, Plan } from "@/api/types";
import { FormError } from "@/components/form/form-error";
import { Panel } from "@/components/layout/page";
import { ListsSelect } from "@/components/pickers/lists-select";
import { translateCode, useT } from "@/i18n";
import { conflictingColumns, mappingProblems, readsDifferently, targetOf, withTarget } from "./mapping";
import { FilePreview } from "./preview";
import { savePlan, startDryRun } from "./queries";

const encodings = ["utf-8", "utf-8-bom", "shift_jis", "euc-jp", "utf-16le", "utf-16be"] as const;
const delimiters = [",", "\t", ";"] as const;
const modes = ["add", "overwrite", "fill_empty", "skip"] as const;
const delimiterKeys = { ",": "imports.comma", "\t": "imports.tab", ";": "imports.semicolon" } as const;

/** How the file is read, which column goes where, and what happens to people who are there already. */
export function MappingStep(props: { item: Import; onChecking: (jobId: string) => void }) {
  const t = useT();
  const { item } = props;
  const [plan, setPlan] = useState<Plan>(item.plan ?? item.suggested);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);

  const attempt = async (work: () => Promise<void>) => {
    setBusy(true);
    setError(null);
    try {
      await work();
    } catch (cause) {
      setError(problemText(cause));
    } finally {
      setBusy(false);
    }
  };
  const change = (next: Plan) => {
    setPlan(next);
    if (readsDifferently(plan, next)) {
      void attempt(async () => {
        const saved = await savePlan(item, next);
        setPlan(saved.plan ?? next);
      });
    }
  };
  const problems = mappingProblems(plan);
  const check = () =>
    attempt(async () => {
      await savePlan(item, plan);
      props.onChecking(await startDryRun(item.id));
    });

  return (
    <>
      <Panel title={t("imports.reading")}>
        <Group align="flex-end" gap="md" mb="md">
          <Select
            label={t("imports.encoding")}
            w={190}
            allowDeselect={false}
            data={encodings.map((value) => ({ value, label: translateCode("encoding", value) }))}
            value={plan.encoding}
            onChange={(value) => change({ ...plan, encoding: value as Plan["encoding"] })}
          />
          <Select
            label={t("imports.delimiter")}
            w={150}
            allowDeselect={false}
            data={delimiters.map((value) => ({ value, label: t(delimiterKeys[value]) }))}
            value={plan.delimiter}
            onChange={(value) => change({ ...plan, delimiter: value as Plan["delimiter"] })}
          />
          <Switch
            mb={8}
            label={t("imports.has_header")}
            checked={plan.has_header}
            onChange={(event) => change({ ...plan, has_header: event.currentTarget.checked })}
          />
        </Group>
        <FilePreview item={item} />
      </Panel>
      <Panel title={t("imports.mapping")}>
        <MappingTable item={item} plan={plan} onChange={setPlan} />
      </Panel>
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
        <Panel title={t("imports.mode")}>
          <Radio.Group
            aria-label={t("imports.mode")}
            value={plan.mode}
            onChange={(mode) => setPlan({ ...plan, mode: mode as Plan["mode"] })}
          >
            <Stack gap="xs">
              {modes.map((mode) => (
                <Radio
                  key={mode}
                  value={mode}
                  label={t(`import_mode.${mode}`)}
                  description={t(`import_mode_help.${mode}`)}
                />
              ))}
            </Stack>
          </Radio.Group>
        </Panel>
        <Panel title={t("imports.lists")}>
          <ListsSelect
            label={t("imports.add_to_lists")}
            description={t("imports.add_to_lists_help")}
            value={plan.list_ids}
            onChange={(list_ids) => setPlan({ ...plan, list_ids })}
          />
        </Panel>
      </SimpleGrid>
      <Stack gap="sm">
        <FormError message={error} />
        {problems.map((problem) => (
          <Text key={problem} size="sm" c="var(--kb-warn)" role="status">
            {t(`import_problem.${problem}`)}
          </Text>
        ))}
        <Group justify="flex-end">
          <Button loading={busy} disabled={problems.length > 0} onClick={() => void check()}>
            {t("imports.check")}
          </Button>
        </Group>
      </Stack>
    </>
  );
}

function MappingTable(props: { item: Import; plan: Plan; onChange: (plan: Plan) => void }) {
  const t = useT();
  const { item, plan } = props;
  const fields = api.useQuery("get", "/v1/contact-fields");
  const conflicts = conflictingColumns(plan);
  const targets = [
    { value: "ignore", label: t("imports.target_ignore") },
    { value: "email", label: t("contacts.email") },
    { value: "name", label: t("contacts.name") },
    ...(fields.data?.items ?? []).map((field) => ({ value: `field:${field.key}`, label: field.label })),
  ];
  return (
    <Table>
      <Table.Thead>
        <Table.Tr>
          <Table.Th scope="col">{t("imports.column")}</Table.Th>
          <Table.Th scope="col" visibleFrom="sm">
            {t("imports.samples")}
          </Table.Th>
          <Table.Th scope="col" w={{ base: 170, sm: 260 }}>
            {t("imports.target")}
          </Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {item.columns.map((column) => (
          <Table.Tr key={column.index}>
            <Table.Td fw={500}>{column.header || t("imports.column_n", { n: column.index + 1 })}</Table.Td>
            <Table.Td c="dimmed" visibleFrom="sm">
              <Text size="sm" lineClamp={1}>
                {column.samples.filter(Boolean).slice(0, 3).join(" / ")}
              </Text>
            </Table.Td>
            <Table.Td>
              <Select
                size="xs"
                aria-label={`${column.header || column.index + 1}: ${t("imports.target")}`}
                allowDeselect={false}
                searchable
                data={targets}
                value={targetOf(plan, column.index)}
                onChange={(target) => target && props.onChange(withTarget(plan, column.index, target))}
                error={conflicts.has(column.index) ? t("imports.target_twice") : undefined}
                nothingFoundMessage={t("picker.nothing")}
              />
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
