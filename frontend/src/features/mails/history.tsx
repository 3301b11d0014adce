import { Button, Group, SegmentedControl, SimpleGrid, Stack, Text, UnstyledButton } from "@mantine/core";
import { IconHistory } from "@tabler/icons-react";
import { diffLines } from "diff";
import { useMemo, useState } from "react";
import { api } from "@/api/client";
import type { Mail, MailVersion } from "@/api/types";
import { useCan } from "@/auth/guard";
import { Page, Panel } from "@/components/layout/page";
import { ConfirmDialog } from "@/components/ui/confirm";
import { notifyDone } from "@/components/ui/notify";
import { EmptyState, QueryView } from "@/components/ui/state-view";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import classes from "./history.module.css";
import { restoreVersion, useMail } from "./queries";

type Part = "subject" | "text" | "html";

export function MailHistoryScreen(props: { mailId: string }) {
  const t = useT();
  const mail = useMail(props.mailId);
  const versions = api.useQuery("get", "/v1/mails/{id}/versions", {
    params: { path: { id: props.mailId } },
  });
  return (
    <QueryView query={mail}>
      {(current) => (
        <Page
          title={`${current.name} – ${t("history.title")}`}
          trail={[{ label: t("nav.mails"), to: "/mails" }]}
          description={t("history.description")}
        >
          <QueryView query={versions}>
            {({ items }) =>
              items.length === 0 ? (
                <EmptyState icon={IconHistory} title={t("history.empty_title")} body={t("history.empty_body")} />
              ) : (
                <History mail={current} versions={items} />
              )
            }
          </QueryView>
        </Page>
      )}
    </QueryView>
  );
}

function History(props: { mail: Mail; versions: readonly MailVersion[] }) {
  const t = useT();
  const format = useFormat();
  const canWrite = useCan("mails.write");
  const [number, setNumber] = useState(props.versions[1]?.number ?? props.versions[0]?.number ?? 1);
  const [part, setPart] = useState<Part>("html");
  const [asking, setAsking] = useState(false);
  const version = api.useQuery("get", "/v1/mails/{id}/versions/{number}", {
    params: { path: { id: props.mail.id, number } },
  });
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md" verticalSpacing={0} className={classes.grid}>
      <Panel title={t("history.versions")}>
        <Stack gap={2} component="ul" className={classes.list}>
          {props.versions.map((item) => (
            <li key={item.number}>
              <UnstyledButton
                className={classes.version}
                aria-current={item.number === number}
                onClick={() => setNumber(item.number)}
              >
                <Text size="sm" fw={500} className="num">
                  {t("history.number", { number: item.number })} · {format.dateTime(item.at)}
                </Text>
                <Text size="xs" c="dimmed" lineClamp={1}>
                  {item.subject}
                </Text>
              </UnstyledButton>
            </li>
          ))}
        </Stack>
      </Panel>
      <Panel
        title={t("history.diff")}
        actions={
          canWrite ? (
            <Button size="xs" variant="default" onClick={() => setAsking(true)}>
              {t("history.restore")}
            </Button>
          ) : null
        }
      >
        <Group mb="sm">
          <SegmentedControl
            size="xs"
            aria-label={t("history.part")}
            value={part}
            onChange={(value) => setPart(value as Part)}
            data={[
              { value: "subject", label: t("editor.subject") },
              { value: "html", label: t("editor.html") },
              { value: "text", label: t("editor.text") },
            ]}
          />
        </Group>
        <QueryView query={version}>{(old) => <Diff before={old[part]} after={props.mail[part]} />}</QueryView>
      </Panel>
      <ConfirmDialog
        opened={asking}
        onClose={() => setAsking(false)}
        title={t("history.restore")}
        confirm={t("history.restore_confirm", { number })}
        onConfirm={async () => {
          await restoreVersion(props.mail.id, number);
          notifyDone(t("history.restored", { number }));
        }}
      >
        <Text>{t("history.restore_body", { number })}</Text>
      </ConfirmDialog>
    </SimpleGrid>
  );
}

/** Line by line, with + and − so that colour isn't needed. */
function Diff(props: { before: string; after: string }) {
  const t = useT();
  const parts = useMemo(() => diffLines(props.before, props.after), [props.before, props.after]);
  if (props.before === props.after) {
    return (
      <Text size="sm" c="dimmed">
        {t("history.same")}
      </Text>
    );
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
    <section className={classes.diff} tabIndex={0} aria-label={t("history.diff")}>
      {parts.map((part, index) => {
        const sign = part.added ? "+" : part.removed ? "−" : " ";
        const lines = part.value.replace(/\n$/, "").split("\n");
        return lines.map((line, at) => (
          <div
            // biome-ignore lint/suspicious/noArrayIndexKey: lines of a diff have no other identity
            key={`${index}-${at}`}
            data-change={part.added ? "added" : part.removed ? "removed" : undefined}
          >
            {sign} {line}
          </div>
        ));
      })}
    </section>
  );
}
