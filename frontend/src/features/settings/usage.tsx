import { Text } from "@mantine/core";
import { api } from "@/api/client";
import type { TenantUsage } from "@/api/types";
import { Panel } from "@/components/layout/page";
import { DefinitionList } from "@/components/ui/definition";
import { QueryView } from "@/components/ui/state-view";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";

/** What the company has and may have. */
export function Usage() {
  const t = useT();
  const query = api.useQuery("get", "/v1/tenant/usage");
  return (
    <Panel title={t("usage.title")}>
      <QueryView query={query} rows={4}>
        {(usage) => <Measures usage={usage} />}
      </QueryView>
    </Panel>
  );
}

function Measures({ usage }: { usage: TenantUsage }) {
  const t = useT();
  const format = useFormat();
  const measure = (m: TenantUsage["mails"], show: (n: number) => string) =>
    m.quota == null
      ? t("usage.unlimited", { used: show(m.used) })
      : t("usage.of", { used: show(m.used), quota: show(m.quota) });
  const bounded = Object.values(usage).some((m) => m.quota != null);
  return (
    <>
      <DefinitionList
        items={[
          [t("usage.contacts"), measure(usage.contacts, format.number)],
          [t("usage.mails"), measure(usage.mails, format.number)],
          [t("usage.users"), measure(usage.users, format.number)],
          [t("usage.storage"), measure(usage.storage, format.bytes)],
        ]}
      />
      {bounded ? (
        <Text size="sm" c="dimmed" mt="sm">
          {t("usage.help")}
        </Text>
      ) : null}
    </>
  );
}
