import { createFileRoute } from "@tanstack/react-router";
import { CampaignScreen } from "@/features/campaigns/campaign";
import { parseCampaign } from "@/features/campaigns/search";
import { loadLateWords } from "@/i18n";
import { compact } from "@/lib/search-params";

export const Route = createFileRoute("/_app/campaigns/$campaignId")({
  validateSearch: parseCampaign,
  loader: () => loadLateWords(),
  staticData: { title: "nav.campaigns", permission: "campaigns.read" },
  component: CampaignRoute,
});

function CampaignRoute() {
  const { campaignId } = Route.useParams();
  const search = Route.useSearch();
  const navigate = Route.useNavigate();
  return (
    <CampaignScreen
      key={campaignId}
      campaignId={campaignId}
      search={search}
      onSearch={(change) => void navigate({ search: (before) => compact({ ...before, ...change }) })}
    />
  );
}
