import { Group, Text } from "@mantine/core";
import { TimeInput } from "@mantine/dates";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";

export interface Span {
  from: string;
  until: string;
}

export const usualHours: Span = { from: "09:00", until: "20:00" };

/** What is wrong with the two times, if anything. */
export function spanProblem(span: Span): "form.required" | "rules.same_times" | null {
  if (!/^\d\d:\d\d$/.test(span.from) || !/^\d\d:\d\d$/.test(span.until)) {
    return "form.required";
  }
  return span.from === span.until ? "rules.same_times" : null;
}

/** From one time of day until another, in the zone that is named. */
export function HoursFields(props: {
  span: Span;
  zone: string;
  readOnly?: boolean;
  onChange: (span: Span) => void;
  /** Both times may be final: a field was left. */
  onDone?: () => void;
}) {
  const t = useT();
  const format = useFormat();
  const { span, onChange } = props;
  const problem = spanProblem(span);
  return (
    <div>
      <Group gap="sm" align="flex-start">
        <TimeInput
          label={t("rules.from")}
          value={span.from}
          readOnly={props.readOnly}
          onBlur={props.onDone}
          onChange={(event) => onChange({ ...span, from: event.currentTarget.value.slice(0, 5) })}
          w={120}
        />
        <TimeInput
          label={t("rules.until")}
          value={span.until}
          readOnly={props.readOnly}
          onBlur={props.onDone}
          onChange={(event) => onChange({ ...span, until: event.currentTarget.value.slice(0, 5) })}
          error={problem ? t(problem) : undefined}
          w={120}
        />
      </Group>
      <Text size="xs" c="dimmed" mt={6}>
        {t("rules.zone", { zone: format.zone(props.zone) })} {span.until < span.from ? t("rules.past_midnight") : null}
      </Text>
    </div>
  );
}
