import { Button, Group, Text } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useCallback, useState } from "react";
import { refresh } from "@/api/query";
import type { Import, Job } from "@/api/types";
import { FormError } from "@/components/form/form-error";
import { JobProgress } from "@/components/jobs/job-progress";
import { Page, Panel } from "@/components/layout/page";
import { ConfirmDialog } from "@/components/ui/confirm";
import { QueryView } from "@/components/ui/state-view";
import { translateCodeOr, useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import { MappingStep } from "./mapping-step";
import { deleteImport, startImport, useImport } from "./queries";
import { CheckedStep, DoneStep } from "./result-steps";
import { ImportSteps } from "./steps";

/** One import from mapping to result. The step follows the server's state, so a reload goes on where it was. */
export function ImportWizard(props: { importId: string }) {
  const t = useT();
  const query = useImport(props.importId);
  return (
    <QueryView query={query}>
      {(item) => (
        <Page
          title={item.filename}
          description={<Subtitle item={item} />}
          trail={[
            { label: t("nav.contacts"), to: "/contacts" },
            { label: t("imports.title"), to: "/contacts/imports" },
          ]}
          actions={<DiscardButton item={item} />}
        >
          {/* A new version of the file's plan begins its own form. */}
          <Steps key={item.id} item={item} />
        </Page>
      )}
    </QueryView>
  );
}

function Steps({ item }: { item: Import }) {
  const t = useT();
  const [job, setJob] = useState<{ id: string; kind: "check" | "run" } | null>(() =>
    busy(item) && item.job_id ? { id: item.job_id, kind: item.state === "checking" ? "check" : "run" } : null,
  );
  const [failure, setFailure] = useState<Job["error"]>(null);
  const [remap, setRemap] = useState(false);
  const onOver = useCallback(async (ended: Job) => {
    setFailure(ended.error);
    await refresh("/v1/imports", "/v1/contacts", "/v1/lists", "/v1/summary");
    setJob(null);
  }, []);

  if (job) {
    return (
      <>
        <ImportSteps active={job.kind === "check" ? 2 : 3} />
        <Panel>
          <JobProgress
            jobId={job.id}
            title={t(job.kind === "check" ? "imports.checking" : "imports.importing")}
            onOver={(ended) => void onOver(ended)}
          />
          {job.kind === "run" ? (
            <Text size="sm" c="dimmed" mt="sm">
              {t("imports.may_leave")}
            </Text>
          ) : null}
        </Panel>
      </>
    );
  }
  const over = item.state === "done" || item.state === "failed" || item.state === "cancelled";
  if (over) {
    return (
      <>
        <ImportSteps active={4} />
        <FormError message={failure ? translateCodeOr("problem", failure.code, failure.detail) : null} />
        <DoneStep item={item} />
      </>
    );
  }
  if (item.state === "checked" && !remap) {
    return (
      <>
        <ImportSteps active={2} />
        <CheckedStep
          item={item}
          onBack={() => setRemap(true)}
          onRun={async () => setJob({ id: await startImport(item.id), kind: "run" })}
        />
      </>
    );
  }
  return (
    <>
      <ImportSteps active={1} />
      <FormError message={failure ? translateCodeOr("problem", failure.code, failure.detail) : null} />
      <MappingStep
        item={item}
        onChecking={(id) => {
          setFailure(null);
          setRemap(false);
          setJob({ id, kind: "check" });
        }}
      />
    </>
  );
}

/** A job works on it. */
const busy = (item: Import) => item.state === "running" || item.state === "checking";

function Subtitle({ item }: { item: Import }) {
  const t = useT();
  const format = useFormat();
  return (
    <>
      {format.bytes(item.size)} · {t(`encoding.${item.detected.encoding}`)} · {format.dateTime(item.created_at)}
    </>
  );
}

function DiscardButton({ item }: { item: Import }) {
  const t = useT();
  const navigate = useNavigate();
  const [asking, setAsking] = useState(false);
  if (busy(item)) {
    return null;
  }
  const done = item.state === "done";
  return (
    <Group>
      <Button variant="default" onClick={() => setAsking(true)}>
        {t(done ? "imports.delete_file" : "imports.discard")}
      </Button>
      <ConfirmDialog
        opened={asking}
        onClose={() => setAsking(false)}
        title={t(done ? "imports.delete_file" : "imports.discard")}
        confirm={t("common.delete")}
        danger
        onConfirm={async () => {
          await deleteImport(item.id);
          await navigate({ to: "/contacts/imports" });
        }}
      >
        <Text>{t(done ? "imports.delete_file_body" : "imports.discard_body")}</Text>
      </ConfirmDialog>
    </Group>
  );
}
