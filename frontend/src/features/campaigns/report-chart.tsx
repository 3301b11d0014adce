import "@mantine/charts/styles.layer.css";
import { LineChart } from "@mantine/charts";
import type { Report } from "@/api/types";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";

/** Opened, clicked and cancelled over time; while it is sent also what was accepted, which would dwarf the rest later. A chunk of its own: the chart library is heavy. */
export default function TimelineChart(props: { timeline: Report["timeline"]; sending: boolean }) {
  const t = useT();
  const format = useFormat();
  const days = new Set(props.timeline.map((point) => format.date(point.at))).size;
  const data = props.timeline.map((point) => ({
    ...point,
    at: days > 1 ? format.dateTime(point.at) : format.time(point.at),
  }));
  return (
    <LineChart
      h={260}
      data={data}
      dataKey="at"
      withLegend
      curveType="monotone"
      withDots={data.length < 40}
      valueFormatter={(value) => format.number(value)}
      series={[
        ...(props.sending ? [{ name: "accepted", label: t("count.accepted"), color: "var(--kb-idle)" }] : []),
        { name: "opened", label: t("count.opened"), color: "var(--kb-info)" },
        { name: "clicked", label: t("count.clicked"), color: "var(--kb-good)" },
        { name: "cancelled", label: t("count.cancelled"), color: "var(--kb-bad)" },
      ]}
    />
  );
}
