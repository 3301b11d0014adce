import { Alert, Button, SimpleGrid, TextInput } from "@mantine/core";
import { IconCopy, IconMailPlus } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { api, client, ifMatch } from "@/api/client";
import { fieldErrors } from "@/api/problem";
import { refresh } from "@/api/query";
import type { Template } from "@/api/types";
import { useCan } from "@/auth/guard";
import { useAutosave } from "@/components/editor/autosave";
import { type Content, changes, contentOf } from "@/components/editor/content";
import { ContentEditor } from "@/components/editor/content-editor";
import { SaveStateLabel } from "@/components/editor/save-state";
import { UnsavedGuard } from "@/components/form/unsaved-guard";
import { Page, Panel } from "@/components/layout/page";
import { notifyProblem } from "@/components/ui/notify";
import { QueryView } from "@/components/ui/state-view";
import { useT } from "@/i18n";

export function TemplateEditorScreen(props: { templateId: string }) {
  const query = api.useQuery(
    "get",
    "/v1/templates/{id}",
    { params: { path: { id: props.templateId } } },
    { staleTime: 0 },
  );
  // Another visit's copy may be old: the form begins with what the server has now.
  const fresh = query.isFetchedAfterMount ? query : { ...query, data: undefined, isPending: true };
  return <QueryView query={fresh}>{(template) => <TemplateEditor template={template} />}</QueryView>;
}

type Draft = Content & { name: string; description: string };
const draftOf = (template: Template): Draft => ({
  ...contentOf(template),
  name: template.name,
  description: template.description,
});

function TemplateEditor({ template }: { template: Template }) {
  const t = useT();
  const navigate = useNavigate();
  const mayWrite = useCan("mails.write");
  const canWrite = mayWrite && !template.supplied;
  const version = useRef(template.version);
  const [draft, setDraft] = useState<Draft>(() => draftOf(template));
  const [saved, setSaved] = useState<Draft>(draft);
  const [busy, setBusy] = useState(false);

  const save = async (next: Draft) => {
    const { data, error } = await client.PATCH("/v1/templates/{id}", {
      params: { path: { id: template.id }, header: ifMatch(version.current) },
      body: {
        ...changes(saved, next),
        name: next.name === saved.name ? undefined : next.name,
        description: next.description === saved.description ? undefined : next.description,
      },
    });
    if (!data) {
      throw error;
    }
    version.current = data.version;
    setSaved(next);
    await refresh("/v1/templates");
  };
  const { state, flush, resume } = useAutosave(draft, saved, save, canWrite);
  const reload = async () => {
    const { data, error } = await client.GET("/v1/templates/{id}", { params: { path: { id: template.id } } });
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
  const duplicate = async () => {
    setBusy(true);
    const { data, error } = await client.POST("/v1/templates", {
      body: {
        ...contentOf(template),
        description: draft.description,
        name: t("mails.copy_name", { name: draft.name }),
      },
    });
    setBusy(false);
    if (!data) {
      notifyProblem(error);
      return;
    }
    await refresh("/v1/templates");
    await navigate({ to: "/templates/$templateId", params: { templateId: data.id } });
  };
  const write = async () => {
    setBusy(true);
    await flush();
    const { data, error } = await client.POST("/v1/mails", {
      body: { name: draft.name, from_template_id: template.id },
    });
    setBusy(false);
    if (!data) {
      notifyProblem(error);
      return;
    }
    await refresh("/v1/mails");
    await navigate({ to: "/mails/$mailId", params: { mailId: data.id } });
  };

  const errors = state.kind === "failed" ? fieldErrors(state.problem, Object.keys(draft)).fields : {};
  return (
    <Page
      title={draft.name}
      trail={[{ label: t("templates.title"), to: "/templates" }]}
      narrow
      description={
        canWrite ? <SaveStateLabel state={state} onRetry={() => void flush()} onReload={() => void reload()} /> : null
      }
      actions={
        mayWrite ? (
          <>
            <Button
              variant="default"
              leftSection={<IconCopy size={16} />}
              loading={busy}
              onClick={() => void duplicate()}
            >
              {t("templates.duplicate")}
            </Button>
            <Button leftSection={<IconMailPlus size={16} />} loading={busy} onClick={() => void write()}>
              {t("mails.create")}
            </Button>
          </>
        ) : null
      }
    >
      <UnsavedGuard dirty={canWrite && draft !== saved} save={flush} />
      {template.supplied ? (
        <Alert color="gray" variant="outline" mb="md">
          {t("templates.supplied_help")}
        </Alert>
      ) : null}
      <Panel>
        <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="sm" mb="sm">
          <TextInput
            label={t("common.name")}
            readOnly={!canWrite}
            error={errors.name}
            value={draft.name}
            onChange={(event) => setDraft({ ...draft, name: event.currentTarget.value })}
          />
          <TextInput
            label={t("templates.description")}
            readOnly={!canWrite}
            value={draft.description}
            onChange={(event) => setDraft({ ...draft, description: event.currentTarget.value })}
          />
        </SimpleGrid>
        <ContentEditor
          value={draft}
          onChange={(content) => setDraft({ ...draft, ...content })}
          readOnly={!canWrite}
          errors={errors}
        />
      </Panel>
    </Page>
  );
}
