import { createFileRoute } from "@tanstack/react-router";
import { DomainsScreen } from "@/features/settings/domains";
import { loadLateWords } from "@/i18n";

export const Route = createFileRoute("/_app/settings/domains/")({
  loader: () => loadLateWords(),
  staticData: { title: "nav.domains", permission: "settings.read" },
  component: DomainsScreen,
});
