import { Text } from "@mantine/core";
import type { SenderDomain } from "@/api/types";
import { Status, type Tone } from "@/components/ui/status";
import { useT } from "@/i18n";
import { useFormat } from "@/i18n/format";

type Checked = SenderDomain["keys"][number]["checked"];
type CheckState = Checked["state"];

const tones: Record<CheckState, Tone> = { ok: "good", unchecked: "idle", missing: "bad", differs: "bad" };
const order: readonly CheckState[] = ["missing", "differs", "unchecked", "ok"];

/** The state that matters most among the keys in use. */
export function worstCheck(domain: SenderDomain): CheckState {
  const states: CheckState[] = domain.keys.filter((key) => key.active).map((key) => key.checked.state);
  return order.find((state) => states.includes(state)) ?? "unchecked";
}

/** The light of a record; one that nobody has to set is not amiss where it is missing. */
export function CheckedLabel(props: { state: CheckState; optional?: boolean }) {
  const t = useT();
  if (props.optional && props.state === "missing") {
    return <Status tone="idle" label={t("domains.optional")} />;
  }
  return <Status tone={tones[props.state]} label={t(`dns_check.${props.state}`)} />;
}

/** Since when a record is not as it should be: somebody may remember what they did then. */
export function AmissSince({ checked }: { checked: Checked }) {
  const t = useT();
  const format = useFormat();
  if (!checked.since || tones[checked.state] !== "bad") {
    return null;
  }
  return (
    <Text size="xs" c="dimmed" className="num">
      {t("domains.since", { at: format.dateTime(checked.since) })}
    </Text>
  );
}
