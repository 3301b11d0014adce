import type { DeliveryEvent } from "@/api/types";
import { translateCode, useT } from "@/i18n";

/** What of an event tells that a machine did it; the contact's history has the same fields. */
type Evidence = Pick<DeliveryEvent, "machine_rule" | "user_agent" | "ip" | "seconds_after_acceptance">;

/** Why something is taken for a machine's, and by what. What a program called itself is shown as it came. */
export function MachineEvidence({ of }: { of: Evidence }) {
  const t = useT();
  const seconds = of.seconds_after_acceptance;
  const lines = [
    [t("machine.rule"), translateCode("machine_rule", of.machine_rule ?? "earlier")],
    [t("machine.user_agent"), of.user_agent || t("machine.none")],
    [t("machine.ip"), of.ip],
    [t("machine.after"), typeof seconds === "number" ? <Passed key="after" seconds={seconds} /> : null],
  ].filter(([, value]) => value);
  return (
    <div style={{ fontSize: "var(--mantine-font-size-xs)", color: "var(--mantine-color-dimmed)" }}>
      <div>{t("machine.counted_no")}</div>
      <ul style={{ margin: 0, paddingInlineStart: 18, overflowWrap: "anywhere" }}>
        {lines.map(([name, value]) => (
          <li key={String(name)}>
            {name}: {value}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Passed({ seconds }: { seconds: number }) {
  const t = useT();
  if (seconds < 120) {
    return t("machine.seconds", { count: seconds });
  }
  return seconds < 7200
    ? t("machine.minutes", { count: Math.floor(seconds / 60) })
    : t("machine.hours", { count: Math.floor(seconds / 3600) });
}
