import { Alert, Button, Group, Progress, Stack, Text } from "@mantine/core";
import { useEffect, useRef } from "react";
import { client } from "@/api/client";
import type { Job } from "@/api/types";
import { notifyProblem } from "@/components/ui/notify";
import { ErrorView, LoadingView } from "@/components/ui/state-view";
import { translateCodeOr, useT } from "@/i18n";
import { isOver, useJob } from "./use-job";

/** How far a job has come, with a way to end it; calls back once when it is over. Survives a reload: the job is the server's. */
export function JobProgress(props: { jobId: string; title: string; onOver: (job: Job) => void }) {
  const t = useT();
  const { jobId, onOver } = props;
  const job = useJob(jobId);
  const over = job.data ? isOver(job.data) : false;
  const ended = over ? job.data : undefined;
  const told = useRef(false);
  useEffect(() => {
    if (ended && !told.current) {
      told.current = true;
      onOver(ended);
    }
  }, [ended, onOver]);
  if (!job.data) {
    return job.error ? <ErrorView error={job.error} onRetry={() => void job.refetch()} /> : <LoadingView rows={2} />;
  }
  const { progress, state, error } = job.data;
  const ratio = progress.total ? Math.min(100, (progress.done / progress.total) * 100) : over ? 100 : 0;
  const cancel = async () => {
    const answer = await client.POST("/v1/jobs/{id}/cancel", { params: { path: { id: jobId } } });
    if (answer.error) {
      notifyProblem(answer.error);
    }
    await job.refetch();
  };
  return (
    <Stack gap="xs">
      <Group justify="space-between">
        <Text size="sm" fw={600} role="status">
          {props.title} – {t(`job.${state}`)}
        </Text>
        <Text size="sm" c="dimmed" className="num">
          {progress.total
            ? t("job.progress", { done: progress.done, total: progress.total })
            : t("job.progress_open", { done: progress.done })}
        </Text>
      </Group>
      <Progress
        value={progress.total || over ? ratio : 100}
        animated={!over}
        striped={!over}
        size="md"
        aria-label={props.title}
        color={state === "failed" ? "red.8" : undefined}
      />
      {error ? (
        <Alert color="red" variant="outline" role="alert">
          {translateCodeOr("problem", error.code, error.detail)}
        </Alert>
      ) : null}
      {over ? null : (
        <Group>
          <Button size="xs" variant="default" onClick={() => void cancel()}>
            {t("job.cancel")}
          </Button>
        </Group>
      )}
    </Stack>
  );
}
