import type { CampaignState } from "@/api/types";
import { Status, type Tone } from "@/components/ui/status";
import { useT } from "@/i18n";

const tones: Record<CampaignState, Tone> = {
  draft: "idle",
  scheduled: "info",
  preparing: "info",
  sending: "info",
  paused: "warn",
  stopped: "bad",
  finished: "good",
};

export function CampaignStateLabel(props: { state: CampaignState }) {
  const t = useT();
  return <Status tone={tones[props.state]} label={t(`campaign_state.${props.state}`)} />;
}
