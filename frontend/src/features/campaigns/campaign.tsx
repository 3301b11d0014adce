import type { Campaign } from "@/api/types";
import { QueryView } from "@/components/ui/state-view";
import { useCampaign } from "./queries";
import { ResultScreen } from "./result";
import type { CampaignSearch } from "./search";
import { Wizard } from "./wizard";

interface Props {
  campaignId: string;
  search: CampaignSearch;
  onSearch: (change: Partial<CampaignSearch>) => void;
}

/** A draft is written in the wizard; whatever was sent or is to be sent shows its progress and report. */
export function CampaignScreen(props: Props) {
  const query = useCampaign(props.campaignId);
  return (
    <QueryView query={query}>
      {(campaign: Campaign) =>
        campaign.state === "draft" ? (
          <Wizard campaign={campaign} search={props.search} onSearch={props.onSearch} />
        ) : (
          <ResultScreen campaign={campaign} search={props.search} onSearch={props.onSearch} />
        )
      }
    </QueryView>
  );
}
