import { Alert, Button, List, Text } from "@mantine/core";
import { IconShieldCheck } from "@tabler/icons-react";
import { useCallback, useState } from "react";
import { client } from "@/api/client";
import type { Job } from "@/api/types";
import { JobProgress } from "@/components/jobs/job-progress";
import { Dialog } from "@/components/ui/dialog";
import { notifyProblem } from "@/components/ui/notify";
import { translateCode, useT } from "@/i18n";
import { useFormat } from "@/i18n/format";

interface Fault {
  kind: string;
  number: number;
  until: number;
}

/** What a verification found, as its job's result holds it. */
interface Verdict {
  entries: number;
  hash: string;
  /** Entries of erased people: who did what stays, what it was is gone. */
  erased: number;
  faults: Fault[];
  more_faults: number;
}

export function VerifyButton() {
  const t = useT();
  const [jobId, setJobId] = useState<string | null>(null);
  const [starting, setStarting] = useState(false);
  const [job, setJob] = useState<Job | null>(null);
  const onOver = useCallback((ended: Job) => setJob(ended), []);
  const start = async () => {
    setStarting(true);
    const { data, error } = await client.POST("/v1/audit-verifications");
    setStarting(false);
    if (!data) {
      notifyProblem(error);
      return;
    }
    setJob(null);
    setJobId(data.id);
  };
  return (
    <>
      <Button leftSection={<IconShieldCheck size={16} />} loading={starting} onClick={() => void start()}>
        {t("audit.verify")}
      </Button>
      <Dialog opened={jobId !== null} onClose={() => setJobId(null)} title={t("audit.verify_title")}>
        <Text size="sm" mb="md">
          {t("audit.verify_help")}
        </Text>
        {jobId ? <JobProgress jobId={jobId} title={t("audit.verify_title")} onOver={onOver} /> : null}
        {job?.state === "succeeded" ? <Result verdict={job.result as unknown as Verdict} /> : null}
      </Dialog>
    </>
  );
}

function Result({ verdict }: { verdict: Verdict }) {
  const t = useT();
  const format = useFormat();
  if (verdict.faults.length === 0) {
    return (
      <Alert color="gray" variant="outline" mt="md" role="status">
        <Text fw={600}>{t("audit.whole")}</Text>
        <Text size="sm">{t("audit.whole_body", { entries: verdict.entries })}</Text>
        {verdict.erased > 0 ? <Text size="sm">{t("audit.erased", { count: verdict.erased })}</Text> : null}
        <Text size="xs" c="dimmed" className="kb-mono" style={{ overflowWrap: "anywhere" }}>
          {t("audit.hash")}: {verdict.hash}
        </Text>
      </Alert>
    );
  }
  return (
    <Alert color="red" variant="outline" mt="md" role="alert" title={t("audit.broken")}>
      <List size="sm">
        {verdict.faults.map((fault) => (
          <List.Item key={`${fault.kind}-${fault.number}-${fault.until}`}>
            {translateCode("audit_fault", fault.kind)}
            {fault.number > 0
              ? ` (${fault.number === fault.until ? t("audit.at_number", { number: format.number(fault.number) }) : t("audit.at_numbers", { from: format.number(fault.number), until: format.number(fault.until) })})`
              : null}
          </List.Item>
        ))}
      </List>
      {verdict.more_faults > 0 ? <Text size="sm">{t("audit.more_faults", { count: verdict.more_faults })}</Text> : null}
      <Text size="sm" mt="xs">
        {t("audit.broken_body")}
      </Text>
    </Alert>
  );
}
