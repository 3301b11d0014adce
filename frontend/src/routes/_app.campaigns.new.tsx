import { createFileRoute } from "@tanstack/react-router";
import { NewCampaignScreen } from "@/features/campaigns/new";
import { loadLateWords } from "@/i18n";
import { text } from "@/lib/search-params";

export const Route = createFileRoute("/_app/campaigns/new")({
  validateSearch: (raw): { mail?: string } => ({ mail: text(raw, "mail") }),
  loader: () => loadLateWords(),
  staticData: { title: "campaigns.create", permission: "campaigns.write" },
  component: NewCampaignRoute,
});

function NewCampaignRoute() {
  const { mail } = Route.useSearch();
  return <NewCampaignScreen mailId={mail} />;
}
