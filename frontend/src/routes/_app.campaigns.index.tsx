import { createFileRoute } from "@tanstack/react-router";
import { CampaignsScreen } from "@/features/campaigns/list";
import { parseCampaignList } from "@/features/campaigns/search";
import { loadLateWords } from "@/i18n";
import { compact } from "@/lib/search-params";

export const Route = createFileRoute("/_app/campaigns/")({
  validateSearch: parseCampaignList,
  loader: () => loadLateWords(),
  staticData: { title: "nav.campaigns", permission: "campaigns.read" },
  component: CampaignsRoute,
});

function CampaignsRoute() {
  const search = Route.useSearch();
  const navigate = Route.useNavigate();
  return (
    <CampaignsScreen
      search={search}
      onSearch={(change) => void navigate({ search: (before) => compact({ ...before, ...change }) })}
    />
  );
}
