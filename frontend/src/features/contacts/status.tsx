import type { ContactStatus } from "@/api/types";
import { Status, type Tone } from "@/components/ui/status";
import { useT } from "@/i18n";

const tones: Record<ContactStatus, Tone> = {
  active: "good",
  unsubscribed: "idle",
  bounced: "bad",
  complained: "bad",
  disabled: "idle",
};

export function ContactStatusLabel(props: { status: ContactStatus }) {
  const t = useT();
  return <Status tone={tones[props.status]} label={t(`contact_status.${props.status}`)} />;
}
