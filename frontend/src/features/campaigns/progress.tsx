import { Group, Progress, Text, UnstyledButton } from "@mantine/core";
import { useEffect, useState } from "react";
import type { Campaign, DeliveryState } from "@/api/types";
import { type Sample, settled, speed } from "@/components/campaign/numbers";
import { heldText } from "@/components/delivery/held";
import { Panel } from "@/components/layout/page";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";
import classes from "./progress.module.css";
import { isRunning } from "./queries";

const keptSamples = 12;
const day = 86_400_000;

/** Mails a second as seen from here, over the last few counts that arrived. */
function useSpeed(done: number, running: boolean): number | null {
  const [samples, setSamples] = useState<Sample[]>([]);
  useEffect(() => {
    setSamples((before) => (running ? [...before, { at: Date.now(), done }].slice(-keptSamples) : []));
  }, [done, running]);
  return speed(samples);
}

/** How far the sending has come; each number leads to the people it counts. */
export function ProgressPanel(props: { campaign: Campaign; onState: (state: DeliveryState) => void }) {
  const t = useT();
  const format = useFormat();
  const { campaign } = props;
  const { counts } = campaign;
  const running = isRunning(campaign);
  const done = settled(counts);
  const rate = useSpeed(done, running);
  const left = Math.max(0, counts.audience - done);
  const waiting = counts.queued + counts.claimed;
  const share = (part: number) => (counts.audience > 0 ? (part / counts.audience) * 100 : 0);
  const parts: { state: DeliveryState; label: string; value: number; colour: string }[] = [
    { state: "accepted", label: t("count.accepted"), value: counts.accepted, colour: "var(--kb-good)" },
    { state: "deferred", label: t("count.deferred"), value: counts.deferred, colour: "var(--kb-warn)" },
    { state: "failed", label: t("count.failed"), value: counts.failed, colour: "var(--kb-bad)" },
    { state: "unknown", label: t("count.unknown"), value: counts.unknown, colour: "var(--kb-info)" },
    { state: "skipped", label: t("count.skipped"), value: counts.skipped, colour: "var(--kb-idle)" },
    { state: "queued", label: t("count.waiting"), value: waiting, colour: "var(--kb-line)" },
  ];
  return (
    <Panel>
      <Group justify="space-between" mb={6}>
        <Text fw={600} className="num" role="status">
          {campaign.state === "preparing" && counts.audience === 0
            ? t("progress.preparing")
            : t("progress.done", { done, audience: counts.audience })}
        </Text>
        {running && rate !== null && rate > 0 && !campaign.best_hour ? (
          <Text size="sm" c="dimmed" className="num">
            {t("progress.rate", { rate: Math.round(rate * 10) / 10 })} ·{" "}
            {t("progress.left", { count: Math.max(1, Math.ceil(left / rate / 60)) })}
          </Text>
        ) : null}
      </Group>
      {running && campaign.best_hour && campaign.started_at ? (
        <Text size="sm" mb="xs" fw={500}>
          {t("best_hour.until", { at: format.dateTime(new Date(Date.parse(campaign.started_at) + day).toISOString()) })}
        </Text>
      ) : null}
      {campaign.waits_until ? (
        <Text size="sm" mb="xs" fw={500}>
          {t("hours.waits", { at: format.dateTime(campaign.waits_until) })}
        </Text>
      ) : null}
      {campaign.state === "paused" && campaign.state_reason ? (
        <Text size="sm" mb="xs" fw={500} role="note">
          {heldText(campaign.state_reason)}
        </Text>
      ) : null}
      <Progress.Root size={10} aria-label={t("progress.title")}>
        {parts
          .filter((part) => part.state !== "queued" && part.value > 0)
          .map((part) => (
            <Progress.Section
              key={part.state}
              value={share(part.value)}
              color={part.colour}
              animated={running}
              aria-label={part.label}
            />
          ))}
      </Progress.Root>
      <div className={classes.counts}>
        {parts.map((part) => (
          <UnstyledButton
            key={part.state}
            className={classes.count}
            onClick={() => props.onState(part.state)}
            data-count={part.state}
          >
            <Group gap={6} wrap="nowrap">
              <span className={classes.dot} style={{ background: part.colour }} aria-hidden />
              <Text size="xs" c="dimmed">
                {part.label}
              </Text>
            </Group>
            <Text fz={20} fw={600} className="num">
              {format.number(part.value)}
            </Text>
          </UnstyledButton>
        ))}
      </div>
    </Panel>
  );
}
