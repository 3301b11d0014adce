import { createFileRoute } from "@tanstack/react-router";
import { OrganisationScreen } from "@/features/settings/organisation";
import { loadLateWords } from "@/i18n";

export const Route = createFileRoute("/_app/settings/organisation")({
  loader: () => loadLateWords(),
  staticData: { title: "nav.organisation", permission: "settings.read" },
  component: OrganisationScreen,
});
