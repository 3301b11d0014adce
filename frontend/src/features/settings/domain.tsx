import { Button, Group, Stack, Text } from "@mantine/core";
import { IconKey, IconRefresh, IconTrash } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api, ifMatch } from "@/api/client";
import { refresh } from "@/api/query";
import type { SenderDomain } from "@/api/types";
import { useCan } from "@/auth/guard";
import { Page, Panel } from "@/components/layout/page";
import { ConfirmDialog } from "@/components/ui/confirm";
import { CopyButton } from "@/components/ui/copy";
import { notifyDone, notifyProblem } from "@/components/ui/notify";
import { QueryView } from "@/components/ui/state-view";
import { translateCode, useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import classes from "./domain.module.css";
import { AmissSince, CheckedLabel } from "./domain-check";
import { ReturnPath } from "./return-path";

export function DomainScreen(props: { domainId: string }) {
  const query = api.useQuery("get", "/v1/sender-domains/{id}", { params: { path: { id: props.domainId } } });
  return <QueryView query={query}>{(domain) => <Domain domain={domain} />}</QueryView>;
}

function Domain({ domain }: { domain: SenderDomain }) {
  const t = useT();
  const format = useFormat();
  const navigate = useNavigate();
  const canWrite = useCan("settings.write");
  const [asking, setAsking] = useState<"rotate" | "delete" | null>(null);
  const check = api.useMutation("post", "/v1/sender-domains/{id}/check");
  const rotate = api.useMutation("post", "/v1/sender-domains/{id}/keys");
  const remove = api.useMutation("delete", "/v1/sender-domains/{id}");
  const path = { id: domain.id };
  const startCheck = () =>
    check
      .mutateAsync({ params: { path } })
      .then(() => refresh("/v1/sender-domains", "/v1/summary"))
      .then(() => notifyDone(t("domains.checked")))
      .catch(notifyProblem);
  return (
    <Page
      title={domain.domain}
      trail={[{ label: t("nav.domains"), to: "/settings/domains" }]}
      narrow
      actions={
        canWrite ? (
          <>
            <Button variant="default" leftSection={<IconTrash size={16} />} onClick={() => setAsking("delete")}>
              {t("common.delete")}
            </Button>
            <Button variant="default" leftSection={<IconKey size={16} />} onClick={() => setAsking("rotate")}>
              {t("domains.rotate")}
            </Button>
            <Button leftSection={<IconRefresh size={16} />} loading={check.isPending} onClick={() => void startCheck()}>
              {t("domains.check")}
            </Button>
          </>
        ) : null
      }
    >
      <Panel title={t("domains.dkim_records")}>
        <Text size="sm" c="dimmed" mb="sm">
          {t("domains.dkim_help")}
        </Text>
        <Stack gap="md">
          {domain.keys.map((key) => (
            <div key={`${key.selector}-${key.algorithm}`}>
              <Group gap="md" mb={4}>
                <Text size="sm" fw={600}>
                  {key.selector}
                </Text>
                <Text size="sm" c="dimmed">
                  {key.algorithm}
                  {key.active ? "" : ` · ${t(key.retired_at ? "domains.old_key" : "domains.waiting_key")}`}
                </Text>
                <CheckedLabel state={key.checked.state} />
                <AmissSince checked={key.checked} />
                {key.checked.at ? (
                  <Text size="xs" c="dimmed" className="num">
                    {format.dateTime(key.checked.at)}
                  </Text>
                ) : null}
              </Group>
              <DnsRecord {...key.record} />
            </div>
          ))}
        </Stack>
      </Panel>
      {domain.records.length > 0 ? (
        <Panel title={t("domains.other_records")}>
          <Stack gap="md">
            {domain.records.map((record) => (
              <div key={`${record.purpose}-${record.name}`}>
                <Group gap="md" mb={4}>
                  <Text size="sm" fw={600}>
                    {translateCode("dns_purpose", record.purpose)}
                  </Text>
                  <CheckedLabel state={record.checked.state} optional={record.purpose === "return_path"} />
                  {record.purpose === "return_path" ? null : <AmissSince checked={record.checked} />}
                </Group>
                {record.purpose === "return_path" ? <ReturnPath domain={domain} canWrite={canWrite} /> : null}
                <DnsRecord name={record.name} type={record.type} value={record.value} />
                {record.found && record.found !== record.value ? (
                  <Text size="sm" c="dimmed" mt={4}>
                    {t("domains.found")} <span className="kb-mono">{record.found}</span>
                  </Text>
                ) : null}
              </div>
            ))}
          </Stack>
        </Panel>
      ) : null}
      <Panel title={t("domains.host")}>
        <Group gap="md" mb={4}>
          <Text size="sm" fw={600}>
            {domain.domain}
          </Text>
          <CheckedLabel state={domain.host.checked.state} />
          <AmissSince checked={domain.host.checked} />
        </Group>
        <Text size="sm" c="dimmed">
          {t("domains.host_help")}
        </Text>
        {domain.host.found ? (
          <Text size="sm" c="dimmed" mt={4}>
            {t("domains.found")} <span className="kb-mono">{domain.host.found.split("\n").join(", ")}</span>
          </Text>
        ) : null}
      </Panel>
      <ConfirmDialog
        opened={asking === "rotate"}
        onClose={() => setAsking(null)}
        title={t("domains.rotate")}
        confirm={t("domains.rotate")}
        onConfirm={async () => {
          await rotate.mutateAsync({ params: { path } });
          await refresh("/v1/sender-domains", "/v1/summary");
          notifyDone(t("domains.rotated"));
        }}
      >
        <Text>{t("domains.rotate_body")}</Text>
      </ConfirmDialog>
      <ConfirmDialog
        opened={asking === "delete"}
        onClose={() => setAsking(null)}
        title={t("domains.delete_title")}
        confirm={t("common.delete")}
        danger
        onConfirm={async () => {
          await remove.mutateAsync({ params: { path, header: ifMatch(domain.version) } });
          await refresh("/v1/sender-domains", "/v1/summary");
          await navigate({ to: "/settings/domains" });
        }}
      >
        <Text>{t("domains.delete_body", { domain: domain.domain })}</Text>
      </ConfirmDialog>
    </Page>
  );
}

/** One record as a DNS console asks for it, each part to copy. */
function DnsRecord(props: { name: string; type: string; value: string }) {
  const t = useT();
  return (
    <dl className={classes.record}>
      <dt>{t("dns.type")}</dt>
      <dd>{props.type}</dd>
      <dt>{t("dns.name")}</dt>
      <dd>
        <span>{props.name}</span>
        <CopyButton value={props.name} label={t("dns.name")} />
      </dd>
      <dt>{t("dns.value")}</dt>
      <dd>
        <span>{props.value}</span>
        <CopyButton value={props.value} label={t("dns.value")} />
      </dd>
    </dl>
  );
}
