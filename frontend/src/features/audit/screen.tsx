import { Button, Group, Menu, Tabs, Text } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useCan } from "@/auth/guard";
import { Page } from "@/components/layout/page";
import { notifyProblem } from "@/components/ui/notify";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { download } from "@/lib/download";
import { Actions } from "./actions";
import { Looks } from "./looks";
import { type AuditSearch, exportPath, type View } from "./search";
import { VerifyButton } from "./verify";

export interface ScreenProps {
  search: AuditSearch;
  onSearch: (change: Partial<AuditSearch>) => void;
}

/** Who did what, who looked at whom, and whether all of it is still there. */
export function AuditScreen({ search, onSearch }: ScreenProps) {
  const t = useT();
  const view: View = search.view ?? "actions";
  const change = (next: string | null) =>
    onSearch({ view: next === "looks" ? "looks" : undefined, cursor: undefined, open: undefined });
  return (
    <Page
      title={t("nav.audit")}
      description={t("audit.description")}
      actions={
        <>
          <ExportMenu search={search} />
          <VerifyButton />
        </>
      }
    >
      <Tabs value={view} onChange={change} keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="actions">{t("audit.actions")}</Tabs.Tab>
          <Tabs.Tab value="looks">{t("audit.looks")}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="actions">
          <Actions search={search} onSearch={onSearch} />
        </Tabs.Panel>
        <Tabs.Panel value="looks">
          <Looks search={search} onSearch={onSearch} />
          <Text size="xs" c="dimmed" mt="sm">
            {t("audit.looks_help")}
          </Text>
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}

function ExportMenu({ search }: { search: AuditSearch }) {
  const t = useT();
  const { timeZone } = useFormat();
  if (!useCan("contacts.export")) {
    return null;
  }
  const take = (format: "csv" | "jsonl") =>
    void download(exportPath(search, timeZone, format), `audit.${format}`).catch(notifyProblem);
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <Button variant="default" leftSection={<IconDownload size={16} />}>
          {t("audit.export")}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <Group gap={4}>{t("audit.export_help")}</Group>
        </Menu.Label>
        <Menu.Item onClick={() => take("csv")}>{t("audit.export_csv")}</Menu.Item>
        <Menu.Item onClick={() => take("jsonl")}>{t("audit.export_jsonl")}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
