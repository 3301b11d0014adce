import { createFileRoute } from "@tanstack/react-router";
import { DomainsScreen } from "@/features/settings/domains";

export const Route = createFileRoute("/_app/settings/domains/")({
  staticData: { title: "nav.domains", permission: "settings.read" },
  component: DomainsScreen,
});
