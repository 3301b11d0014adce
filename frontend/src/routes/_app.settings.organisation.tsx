import { createFileRoute } from "@tanstack/react-router";
import { OrganisationScreen } from "@/features/settings/organisation";

export const Route = createFileRoute("/_app/settings/organisation")({
  staticData: { title: "nav.organisation", permission: "settings.read" },
  component: OrganisationScreen,
});
