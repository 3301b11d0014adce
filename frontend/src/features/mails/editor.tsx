import { Button, SimpleGrid, TextInput } from "@mantine/core";
import { IconHistory, IconSend, IconTestPipe } from "@tabler/icons-react";
import { useRef, useState } from "react";
import { client } from "@/api/client";
import { fieldErrors } from "@/api/problem";
import { refresh } from "@/api/query";
import type { Mail } from "@/api/types";
import { useCan } from "@/auth/guard";
import { useAutosave } from "@/components/editor/autosave";
import { type Content, changes, contentOf } from "@/components/editor/content";
import { ContentEditor } from "@/components/editor/content-editor";
import { SaveStateLabel } from "@/components/editor/save-state";
import { UnsavedGuard } from "@/components/form/unsaved-guard";
import { Page, Panel } from "@/components/layout/page";
import { LinkButton } from "@/components/ui/link-button";
import { notifyProblem } from "@/components/ui/notify";
import { QueryView } from "@/components/ui/state-view";
import { useT } from "@/i18n";
import { PreviewPane } from "./preview";
import { updateMail, useMail } from "./queries";
import { TestSendDialog } from "./test-send";

export function MailEditorScreen(props: { mailId: string }) {
  const query = useMail(props.mailId);
  // Another visit's copy may be old: the form begins with what the server has now.
  const fresh = query.isFetchedAfterMount ? query : { ...query, data: undefined, isPending: true };
  return <QueryView query={fresh}>{(mail) => <MailEditor mail={mail} />}</QueryView>;
}

type Draft = Content & { name: string };
const draftOf = (mail: Mail): Draft => ({ ...contentOf(mail), name: mail.name });

function MailEditor({ mail }: { mail: Mail }) {
  const t = useT();
  const canWrite = useCan("mails.write") && !mail.archived;
  const canSend = useCan("campaigns.write");
  const version = useRef(mail.version);
  const [draft, setDraft] = useState<Draft>(() => draftOf(mail));
  const [saved, setSaved] = useState<Draft>(draft);
  const [testing, setTesting] = useState(false);

  const save = async (next: Draft) => {
    const patch = { ...changes(saved, next), ...(next.name === saved.name ? {} : { name: next.name }) };
    const answer = await updateMail(mail.id, version.current, patch);
    version.current = answer.version;
    setSaved(next);
    // The server derives the text part; it is shown as soon as nothing newer was typed.
    if (next.text_mode === "auto") {
      const derived = { ...next, text: answer.text };
      setDraft((now) => (now === next ? derived : now));
      setSaved((now) => (now === next ? derived : now));
    }
    await refresh("/v1/mails/{id}/versions");
  };
  const { state, flush, resume } = useAutosave(draft, saved, save, canWrite);

  const reload = async () => {
    const { data, error } = await client.GET("/v1/mails/{id}", { params: { path: { id: mail.id } } });
    if (!data) {
      notifyProblem(error);
      return;
    }
    version.current = data.version;
    const next = draftOf(data);
    setSaved(next);
    setDraft(next);
    resume();
  };

  const errors = state.kind === "failed" ? fieldErrors(state.problem, Object.keys(draft)).fields : {};
  return (
    <Page
      title={mail.archived ? t("mails.archived_title", { name: draft.name }) : draft.name || t("mails.untitled")}
      trail={[{ label: t("nav.mails"), to: "/mails" }]}
      description={
        canWrite ? <SaveStateLabel state={state} onRetry={() => void flush()} onReload={() => void reload()} /> : null
      }
      actions={
        <>
          <LinkButton
            to="/mails/$mailId/history"
            params={{ mailId: mail.id }}
            variant="default"
            leftSection={<IconHistory size={16} />}
          >
            {t("history.title")}
          </LinkButton>
          {canWrite ? (
            <Button variant="default" leftSection={<IconTestPipe size={16} />} onClick={() => setTesting(true)}>
              {t("test_send.action")}
            </Button>
          ) : null}
          {canSend ? (
            <LinkButton to="/campaigns/new" search={{ mail: mail.id }} leftSection={<IconSend size={16} />}>
              {t("mails.send")}
            </LinkButton>
          ) : null}
        </>
      }
    >
      <UnsavedGuard dirty={canWrite && draft !== saved} save={flush} />
      <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="md">
        <Panel>
          <TextInput
            label={t("mails.name")}
            description={t("mails.name_help")}
            mb="sm"
            readOnly={!canWrite}
            error={errors.name}
            value={draft.name}
            onChange={(event) => setDraft({ ...draft, name: event.currentTarget.value })}
          />
          <ContentEditor
            value={draft}
            onChange={(content) => setDraft({ ...draft, ...content })}
            readOnly={!canWrite}
            errors={errors}
          />
        </Panel>
        <PreviewPane mailId={mail.id} content={draft} />
      </SimpleGrid>
      <TestSendDialog mailId={mail.id} beforeSending={flush} opened={testing} onClose={() => setTesting(false)} />
    </Page>
  );
}
